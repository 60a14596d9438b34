// Which nodes can take a pod, and which of them best: pure functions over the cache's states.
#pragma once

#include <string>
#include <vector>

#include "core/scheduler/node_cache.hpp"

namespace gantry::scheduler {

// Nothing when the node can take the pod, else every reason it cannot, in upstream's words.
std::vector<std::string> reasons_against(const PodInfo& pod, const NodeState& node);

// 0 to 100 each, before weights.
int64_t least_allocated_score(const PodInfo& pod, const NodeState& node);
int64_t balanced_allocation_score(const PodInfo& pod, const NodeState& node);
// Raw sums, to be normalised over the feasible nodes.
int64_t preferred_affinity_weight(const PodInfo& pod, const NodeState& node);
int64_t intolerable_prefer_taints(const PodInfo& pod, const NodeState& node);

// The index into `feasible` of the best node; ties go to the one that comes first from `offset` on.
size_t pick_best(const PodInfo& pod, const std::vector<const NodeState*>& feasible, size_t offset);

}  // namespace gantry::scheduler
