// NodeResourcesBalancedAllocation: the closer the shares of CPU and memory that are taken, the better.
#include <algorithm>
#include <cmath>

#include "core/scheduler/score.hpp"

namespace gantry::scheduler::scores::node_resources_balanced_allocation {
namespace {

double share_taken(int64_t requested, int64_t capacity) {
  if (capacity <= 0) return 1;
  return std::min(1.0, static_cast<double>(requested) / static_cast<double>(capacity));
}

int64_t rate(const WaitingPod& pod, const Notes*, const NodeState& node) {
  const auto& all = node.facts.allocatable;
  const double cpu = share_taken(node.requested.milli_cpu + pod.requests.milli_cpu, all.milli_cpu);
  const double memory = share_taken(node.requested.memory + pod.requests.memory, all.memory);
  // The standard deviation of two values is half their distance.
  return static_cast<int64_t>((1 - std::fabs(cpu - memory) / 2) * kMaxScore);
}

}  // namespace

Score score() { return {.name = "NodeResourcesBalancedAllocation", .rate = rate}; }

}  // namespace gantry::scheduler::scores::node_resources_balanced_allocation
