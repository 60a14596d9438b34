// The topology spread constraints of a pod, read once: what to count for each. Shared by the filter and the score.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/scheduler/pod_info.hpp"
#include "core/scheduler/tallies.hpp"

namespace gantry::scheduler {

struct SpreadConstraint {
  Count count;
  int32_t max_skew = 1;
  int32_t min_domains = 1;
  bool self = false;  // the pod would count itself
};

// Those of `spec` with this whenUnsatisfiable. A node counts for any of them only if it has the labels of all.
std::vector<SpreadConstraint> read_spread(const WaitingPod& pod, const corev1::PodSpec& spec, std::string_view when);
// What upstream spreads by when a pod has no constraints: lightly over nodes, and over zones. None when the pod belongs
// to nothing whose pods could be counted.
std::vector<SpreadConstraint> default_spread(const WaitingPod& pod, const corev1::PodSpec& spec);

}  // namespace gantry::scheduler
