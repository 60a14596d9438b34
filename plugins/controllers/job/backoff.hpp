// How long a Job waits before it makes pods again after some failed: 10 s after the first failure since the last
// success, twice as long after each further one, at most 10 minutes. Pure, any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::job {

// When a pod ended, as well as it can be known: by its containers, by its Ready condition, by its deletion, or else by
// its beginning.
int64_t finished_at_ns(const corev1::Pod& pod);

// Failures since the last success, and when the last of them was.
struct Backoff {
  int32_t failures = 0;
  int64_t last_failure_ns = 0;

  // Pods that ended and were not counted here before, by when they did.
  void count(const std::vector<int64_t>& succeeded_at, std::vector<int64_t> failed_at);
  // 0: pods may be made now. Never more than the whole wait, wherever the clock jumps.
  int64_t remaining_ms(int64_t now_ns) const;
  bool operator==(const Backoff&) const = default;
};

}  // namespace gantry::job
