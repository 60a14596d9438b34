// Pods and their PodMetrics as the calculator takes them: which count, what they use, what they requested. Pure, any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/status.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "k8s.io/metrics/pkg/apis/metrics/v1beta1/usage.pb.h"
#include "replica_math.hpp"

namespace gantry::autoscaler {

using PodMetrics = metricsv1beta1::PodMetrics;

// When a pod's use of processors says something: its start costs more than its work.
struct Patience {
  int64_t initialization_ns = 300'000'000'000;  // after its start
  int64_t first_readiness_ns = 30'000'000'000;  // in which it may have told that it is not ready, at first
};

// What is measured: a resource ("cpu"), of one container or of all.
struct Measured {
  std::string_view resource, container;
};

// One entry a pod. A pod whose containers are not all measured counts as not measured.
std::vector<PodUse> uses_of(const std::vector<corev1::Pod>& pods, const std::vector<PodMetrics>& metrics,
                            const Measured& what, const Patience& patience, int64_t now_ns);

// Puts what the pods requested beside what they use. An error when a container has no request of it.
Status add_requests(const std::vector<corev1::Pod>& pods, const Measured& what, std::vector<PodUse>& uses);

}  // namespace gantry::autoscaler
