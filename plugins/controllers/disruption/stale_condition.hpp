// The condition DisruptionTarget of a pod that was to go and stayed: after two minutes it is taken back. Pure, any
// thread.
#pragma once

#include <cstdint>
#include <optional>

#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::disruption {

// Milliseconds until the condition is stale, 0 when it is; none when the pod goes, has ended, has no such condition,
// or has it of its kubelet, which may take its time.
std::optional<int64_t> stale_after_ms(const corev1::Pod& pod, int64_t now_ns);

void take_back(corev1::Pod& pod, int64_t now_ns);

}  // namespace gantry::disruption
