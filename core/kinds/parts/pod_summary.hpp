// What a pod's row says, in the words that kubectl shows for what it is doing. Pure, any thread.
#pragma once

#include "core/kinds/parts/cells.hpp"

namespace gantry::kinds {

struct PodSummary {
  std::string ready, status, restarts;
};

PodSummary summarize_pod(const Json& pod, int64_t now_ns);

}  // namespace gantry::kinds
