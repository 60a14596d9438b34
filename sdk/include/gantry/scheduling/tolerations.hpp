// Taints of nodes, and what pods tolerate: in an order in which each taint is one look-up, however many there are of
// both. Value type, any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod_spec.pb.h"

namespace gantry::sdk {

class Tolerations {
 public:
  Tolerations() = default;
  explicit Tolerations(const google::protobuf::RepeatedPtrField<corev1::Toleration>& list);
  bool tolerate(const corev1::Taint& taint) const;

 private:
  // Sorted. An empty effect is any.
  struct OfKey {
    std::vector<std::string> exists;                          // effects
    std::vector<std::pair<std::string, std::string>> equals;  // values with effects
    bool tolerate(const corev1::Taint& taint) const;
  };
  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, OfKey, TextHash, std::equal_to<>> keys_;  // "": any
};

// Keeps pods that don't tolerate it from being placed there.
inline bool keeps_away(const corev1::Taint& taint) {
  return taint.effect() == "NoSchedule" || taint.effect() == "NoExecute";
}

// The first of a node's taints that keeps a pod with these tolerations away, or null.
template <typename Taints>
const corev1::Taint* untolerated(const Taints& taints, const Tolerations& tolerations) {
  for (const auto& taint : taints) {
    if (keeps_away(taint) && !tolerations.tolerate(taint)) return &taint;
  }
  return nullptr;
}

// What spec.unschedulable means, whether or not the node has the taint yet.
corev1::Taint unschedulable_taint();

}  // namespace gantry::sdk
