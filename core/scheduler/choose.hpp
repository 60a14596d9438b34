// Which node a pod goes to: the filters, then the scores, over the nodes of the cache. Pure, run by the scheduling
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
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
  std::vector<uint64_t> topics;  // of the tallies
};

// Looks at the nodes from `first` on, round about, until it knows enough that can take the pod.
// For a pod that names nodes it looks at no others.
Choice choose(const WaitingPod& pod, NodeCache& cache, size_t first);

}  // namespace gantry::scheduler
