// Which node a pod goes to: the filters, then the scores, over the nodes of the cache. Pure, run by the scheduling
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/scheduler/filter.hpp"

namespace gantry::scheduler {

struct Choice {
  const NodeState* node = nullptr;  // null: none
  size_t looked = 0;                // at so many nodes; the next pod begins with the one behind them
  // Without a node:
  std::string message;
  Changes helped_by = Changes::kNone;
};

// Looks at the nodes from `first` on, round about, until it knows enough that can take the pod.
Choice choose(const WaitingPod& pod, const std::vector<NodeState*>& nodes, size_t first);
// The same of all nodes; for a pod that names some it looks at no others.
Choice choose(const WaitingPod& pod, const NodeCache& cache, size_t first);

}  // namespace gantry::scheduler
