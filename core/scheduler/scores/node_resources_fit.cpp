// NodeResourcesFit: the larger a share of CPU and memory would be left, the better (upstream's LeastAllocated).
#include "core/scheduler/score.hpp"

namespace gantry::scheduler::scores::node_resources_fit {
namespace {

int64_t share_left(int64_t requested, int64_t capacity) {
  return capacity <= 0 || requested > capacity ? 0 : (capacity - requested) * kMaxScore / capacity;
}

int64_t rate(const WaitingPod& pod, const Notes*, const NodeState& node) {
  const auto& all = node.facts.allocatable;
  return (share_left(node.scored.milli_cpu + pod.scored.milli_cpu, all.milli_cpu) +
          share_left(node.scored.memory + pod.scored.memory, all.memory)) /
         2;
}

}  // namespace

Score score() { return {.name = "NodeResourcesFit", .rate = rate}; }

}  // namespace gantry::scheduler::scores::node_resources_fit
