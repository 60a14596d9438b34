// The PodStatus that a kubelet would report of a hollow pod. Pure.
#pragma once

#include <string>

#include "hollow_pod.hpp"

namespace gantry::sim {

struct Observation {
  const corev1::Pod& pod;
  const HollowPod& hollow;
  bool ready = true;  // what the readiness probes of running containers find
  const std::string& host_ip;
  const std::string& pod_ip;  // empty: none yet
  int64_t now_ns = 0;
};

// What others wrote into the pod's status (conditions of readiness gates, the nominated node) stays.
corev1::PodStatus build_status(const Observation& observation);
bool same_status(const corev1::PodStatus& a, const corev1::PodStatus& b);

}  // namespace gantry::sim
