// Which node a pod goes to: the filters, then the scores, over the nodes of the cache. Pure, run by the scheduling
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/scheduler/filter.hpp"
#include "core/scheduler/nominations.hpp"

namespace gantry::scheduler {

struct Choice {
  const NodeState* node = nullptr;  // null: none
  size_t looked = 0;                // at so many nodes; the next pod begins with the one behind them
  // Without a node:
  std::string message;
  Changes helped_by = Changes::kNone;
  std::vector<uint64_t> topics;     // of the tallies
  std::vector<NodeState*> crowded;  // nodes where the pod might fit if others left
};

// Looks at the nodes from `first` on, round about, until it knows enough that can take the pod.
// For a pod that names nodes it looks at no others. Where a node is promised to pods that are as important as the pod
// or more, it has to fit beside them, and without them, too.
Choice choose(const WaitingPod& pod, NodeCache& cache, size_t first, const Nominations& nominations = {});

// Whether the pod fits on the node as things are now, and beside those to whom it is promised.
bool fits_now(const WaitingPod& pod, const NodeState& node, NodeCache& cache, const Nominations& nominations,
              Reasons& why);

}  // namespace gantry::scheduler
