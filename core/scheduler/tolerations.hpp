// What a pod tolerates, in an order in which each taint is one look-up, however many there are of both. Value type.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::scheduler {

namespace corev1 = k8s::io::api::core::v1;

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

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
  std::unordered_map<std::string, OfKey, TextHash, std::equal_to<>> keys_;  // "": any
};

}  // namespace gantry::scheduler
