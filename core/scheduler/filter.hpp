// A filter: one of the reasons for which a node can't take a pod, one file of filters/, asked in the order of
// filters.cpp. Pure functions, run by the scheduling thread for each pod and node: none allocates unless it objects.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/scheduler/changes.hpp"
#include "core/scheduler/node_cache.hpp"
#include "core/scheduler/pod_info.hpp"

namespace gantry::scheduler {

enum class Verdict : uint8_t {
  kFits,
  kUnschedulable,
};

// Why nodes can't take a pod, in upstream's words, and how many say so.
class Reasons {
 public:
  using Counts = std::map<std::string, size_t, std::less<>>;
  void add(std::string_view reason);
  const Counts& counts() const { return counts_; }

 private:
  Counts counts_;
};

struct Filter {
  std::string_view name;  // of upstream's plugin
  // What may turn its "no" into a yes, besides a new node.
  Changes helped_by = Changes::kNone;
  // Asked once a pod: false when it has nothing to say of this one, whatever the node. What `check` shall find again
  // goes into `notes`. Null: it is asked for every pod, without notes.
  bool (*concerns)(const WaitingPod& pod, const corev1::PodSpec& spec, std::unique_ptr<const Notes>& notes) = nullptr;
  // Asked for each node. Gives each of its reasons once when the pod does not fit.
  Verdict (*check)(const WaitingPod& pod, const Notes* notes, const NodeState& node, Reasons& reasons) = nullptr;
};

// All, in upstream's order.
std::span<const Filter> all_filters();

struct Rejections {
  Reasons reasons;
  Changes helped_by = Changes::kNone;
};

// What the first filter that objects says; the others are not asked, as upstream.
Verdict judge(const WaitingPod& pod, const NodeState& node, Rejections& rejections);

}  // namespace gantry::scheduler
