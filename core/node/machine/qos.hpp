// What requests and limits mean to the kernel: QoS class, cpu shares and quota, memory limit, oom_score_adj. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

enum class QosClass : uint8_t { kGuaranteed, kBurstable, kBestEffort };

QosClass qos_class(const corev1::Pod& pod);
std::string qos_name(QosClass qos);  // "BestEffort"

// -1: not given.
struct Amounts {
  int64_t cpu_milli = -1, memory = -1;
};
Amounts requests_of(const corev1::ResourceRequirements& resources);
Amounts limits_of(const corev1::ResourceRequirements& resources);

// What a cgroup gets; zero: leave as it is.
struct CgroupLimits {
  int64_t cpu_shares = 0, cpu_quota = 0, cpu_period = 0, memory = 0;
};
int64_t milli_to_shares(int64_t milli);
int64_t milli_to_quota(int64_t milli);  // of a period of 100 ms
CgroupLimits container_limits(const corev1::Container& container);
CgroupLimits pod_limits(const corev1::Pod& pod);
// Sum of what its containers ask for, as the scheduler counts.
int64_t pod_cpu_request_milli(const corev1::Pod& pod);

int64_t oom_score_adj(const corev1::Pod& pod, const corev1::Container& container, int64_t memory_capacity);

}  // namespace gantry::node
