#include "gantry/pods.hpp"

#include <algorithm>

#include "gantry/conditions.hpp"

namespace gantry::sdk {
namespace {

// When the pod is available at the earliest; null while it is not ready, or does not say since when.
std::optional<int64_t> available_from_ns(const corev1::Pod& pod, int32_t min_ready_seconds) {
  const auto since = is_ready(pod) ? ready_since_ns(pod) : std::nullopt;
  if (!since) return std::nullopt;
  return later(*since, min_ready_seconds * kNanosPerSecond);
}

}  // namespace

const corev1::PodCondition* pod_condition(const corev1::Pod& pod, std::string_view type) {
  return find_condition(pod.status().conditions(), type);
}

bool is_ready(const corev1::Pod& pod) { return is_condition_true(pod.status().conditions(), "Ready"); }

std::optional<int64_t> ready_since_ns(const corev1::Pod& pod) {
  const auto* ready = pod_condition(pod, "Ready");
  if (ready == nullptr || !ready->has_last_transition_time()) return std::nullopt;
  return to_ns(ready->last_transition_time());
}

bool is_available(const corev1::Pod& pod, int32_t min_ready_seconds, int64_t now_unix_ns) {
  if (min_ready_seconds == 0) return is_ready(pod);
  const auto from = available_from_ns(pod, min_ready_seconds);
  return from && *from <= now_unix_ns;
}

int64_t next_availability_ms(const std::vector<corev1::Pod>& pods, int32_t min_ready_seconds, int64_t now_unix_ns) {
  std::optional<int64_t> next;
  for (const auto& pod : pods) {
    const auto from = available_from_ns(pod, min_ready_seconds);
    if (from && *from > now_unix_ns && (!next || *from < *next)) next = from;
  }
  return next ? until_ms(*next, now_unix_ns) : 0;
}

}  // namespace gantry::sdk
