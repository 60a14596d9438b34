// What controllers ask about a pod: is it alive, ready, available. Pure, any thread.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "gantry/times.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::sdk {

const corev1::PodCondition* pod_condition(const corev1::Pod& pod, std::string_view type);

inline bool is_finished(const corev1::Pod& pod) {
  return pod.status().phase() == "Succeeded" || pod.status().phase() == "Failed";
}

// Neither over nor on its way out: what counts towards a wanted number of pods.
inline bool is_active(const corev1::Pod& pod) { return !is_finished(pod) && !pod.metadata().has_deletion_timestamp(); }

// Being deleted, but its containers may still run.
inline bool is_terminating(const corev1::Pod& pod) {
  return !is_finished(pod) && pod.metadata().has_deletion_timestamp();
}

bool is_ready(const corev1::Pod& pod);

// When the pod became (or became not) ready, if it says so.
std::optional<int64_t> ready_since_ns(const corev1::Pod& pod);

// Ready for at least `min_ready_seconds`.
bool is_available(const corev1::Pod& pod, int32_t min_ready_seconds, int64_t now_unix_ns);

// Milliseconds until the next ready pod becomes available; 0 when none waits for that.
int64_t next_availability_ms(const std::vector<corev1::Pod>& pods, int32_t min_ready_seconds, int64_t now_unix_ns);

// A container that starts among the init containers and runs on beside the others.
inline bool is_sidecar(const corev1::Container& init_container) { return init_container.restart_policy() == "Always"; }

}  // namespace gantry::sdk
