// When pods must leave a node for its NoExecute taints. Pure, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::nodelifecycle {

// A taint, and since when it counts.
struct TimedTaint {
  corev1::Taint taint;
  int64_t since_ns = 0;
};

// Since when a node has taints that do not say so themselves: since they were
// seen first.
class TaintTimes {
 public:
  std::vector<TimedTaint> timed(std::vector<corev1::Taint> taints, int64_t now_ns);

 private:
  std::map<std::string, int64_t> seen_;  // by key, value; of the taints that are there
};

// The time at which the pod must go, 0 for at once; none: it may stay.
std::optional<int64_t> evict_at_ns(const corev1::Pod& pod, const std::vector<TimedTaint>& taints);

}  // namespace gantry::nodelifecycle
