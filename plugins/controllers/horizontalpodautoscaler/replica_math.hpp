// How many replicas fit what pods use, of pods and numbers alone: upstream's replica calculator. Pure, any thread.
//
// Amounts are thousandths (of a core, of a byte). Pods that are on their way out count for nothing; of pods that
// have no measurement, or whose measurement says nothing yet, the case that changes least is assumed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::autoscaler {

// By how much the ratio of use to target may differ from 1 before anything is done.
struct Tolerance {
  double down = 0.1, up = 0.1;
  bool covers(double ratio) const { return 1.0 - down <= ratio && ratio <= 1.0 + up; }
};

// A pod that the target's selector matches.
struct PodUse {
  enum class State : uint8_t {
    kIgnored,   // being deleted, or failed
    kUnready,   // not started, or too early to judge its use
    kMissing,   // has no measurement
    kMeasured,  // counts
  };
  State state = State::kIgnored;
  int64_t used = 0;       // of a measured one
  int64_t requested = 0;  // for utilization; of every pod
};

struct Proposal {
  int32_t replicas = 0;
  int64_t average = 0;                 // what the measured pods use
  std::optional<int32_t> utilization;  // in percent of what they request
};

// For a target in percent of the requests. Errors in upstream's words.
Expected<Proposal> for_utilization(const std::vector<PodUse>& pods, int32_t replicas, int32_t target_percent,
                                   const Tolerance& tolerance);
// For a target as an amount a pod.
Expected<Proposal> for_average(const std::vector<PodUse>& pods, int32_t replicas, int64_t target,
                               const Tolerance& tolerance);

}  // namespace gantry::autoscaler
