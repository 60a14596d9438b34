// What controllers ask about a pod: is it alive, ready, available. Pure, any thread.
#pragma once

#include <optional>
#include <string_view>

#include "gantry/times.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::sdk {

inline const corev1::PodCondition* pod_condition(const corev1::Pod& pod, std::string_view type) {
  for (const auto& condition : pod.status().conditions()) {
    if (condition.type() == type) return &condition;
  }
  return nullptr;
}

inline bool is_finished(const corev1::Pod& pod) {
  return pod.status().phase() == "Succeeded" || pod.status().phase() == "Failed";
}

// Neither over nor on its way out: what counts towards a wanted number of pods.
inline bool is_active(const corev1::Pod& pod) { return !is_finished(pod) && !pod.metadata().has_deletion_timestamp(); }

// Being deleted, but its containers may still run.
inline bool is_terminating(const corev1::Pod& pod) {
  return !is_finished(pod) && pod.metadata().has_deletion_timestamp();
}

inline bool is_ready(const corev1::Pod& pod) {
  const auto* ready = pod_condition(pod, "Ready");
  return ready != nullptr && ready->status() == "True";
}

// When the pod became (or became not) ready, if it says so.
inline std::optional<int64_t> ready_since_ns(const corev1::Pod& pod) {
  const auto* ready = pod_condition(pod, "Ready");
  if (ready == nullptr || !ready->has_last_transition_time()) return std::nullopt;
  return to_ns(ready->last_transition_time());
}

// Ready for at least `min_ready_seconds`.
inline bool is_available(const corev1::Pod& pod, int32_t min_ready_seconds, int64_t now_unix_ns) {
  if (!is_ready(pod)) return false;
  if (min_ready_seconds == 0) return true;
  const auto since = ready_since_ns(pod);
  return since && *since + min_ready_seconds * kNanosPerSecond <= now_unix_ns;
}

}  // namespace gantry::sdk
