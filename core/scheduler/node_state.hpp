// A node as the scheduler sees it, with what runs on it. Used under the Scheduler's lock.
#pragma once

#include <cstdint>
#include <vector>

#include "core/scheduler/pod_info.hpp"

namespace gantry::scheduler {

struct NodeState {
  NodeFacts facts;
  bool present = false;  // false: pods name it, but there is no such Node (yet)
  Resources requested;   // for the filter
  Resources scored;      // for the scores
  int64_t pods = 0;
  HostPorts ports;
  std::vector<PodPtr> residents;
  std::vector<int32_t> places;  // by the number of a topology key: the number of its value here; -1: none

  int32_t place(size_t key) const { return key < places.size() ? places[key] : -1; }
};

}  // namespace gantry::scheduler
