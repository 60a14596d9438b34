#include "backoff.hpp"

#include <algorithm>
#include <optional>

#include "gantry/pods.hpp"
#include "gantry/times.hpp"

namespace gantry::job {
namespace {

constexpr int64_t kFirstWaitNs = 10 * kNanosPerSecond, kLongestWaitNs = 600 * kNanosPerSecond;

// False: one of them has not ended, or does not say when.
bool take_latest(const corev1::ContainerStatus& status, std::optional<int64_t>& latest) {
  if (!status.state().has_terminated() || !status.state().terminated().has_finished_at()) return false;
  const int64_t ended = to_ns(status.state().terminated().finished_at());
  latest = std::max(latest.value_or(ended), ended);
  return true;
}

std::optional<int64_t> by_containers(const corev1::Pod& pod) {
  std::optional<int64_t> latest;
  for (const auto& status : pod.status().container_statuses()) {
    if (!take_latest(status, latest)) return std::nullopt;
  }
  const auto is_beside = [&](const std::string& name) {
    const auto& all = pod.spec().init_containers();
    return std::any_of(all.begin(), all.end(),
                       [&](const auto& container) { return container.name() == name && sdk::is_sidecar(container); });
  };
  for (const auto& status : pod.status().init_container_statuses()) {
    if (is_beside(status.name()) && !take_latest(status, latest)) return std::nullopt;
  }
  return latest;
}

}  // namespace

int64_t finished_at_ns(const corev1::Pod& pod) {
  if (const auto ended = by_containers(pod)) return *ended;
  const auto* ready = sdk::pod_condition(pod, "Ready");
  if (ready != nullptr && ready->status() == "False" && ready->has_last_transition_time()) {
    return to_ns(ready->last_transition_time());
  }
  const auto& meta = pod.metadata();
  if (meta.has_deletion_timestamp()) {
    return later(to_ns(meta.deletion_timestamp()), -meta.deletion_grace_period_seconds() * kNanosPerSecond);
  }
  return to_ns(meta.creation_timestamp());
}

void Backoff::count(const std::vector<int64_t>& succeeded_at, std::vector<int64_t> failed_at) {
  if (!succeeded_at.empty()) {
    *this = {};
    const int64_t success = *std::max_element(succeeded_at.begin(), succeeded_at.end());
    std::erase_if(failed_at, [&](int64_t failure) { return failure <= success; });
  }
  if (failed_at.empty()) return;
  failures += static_cast<int32_t>(failed_at.size());
  last_failure_ns = *std::max_element(failed_at.begin(), failed_at.end());
}

int64_t Backoff::remaining_ms(int64_t now_ns) const {
  if (failures <= 0) return 0;
  int64_t wait = kFirstWaitNs;
  for (int32_t i = 1; i < failures && wait < kLongestWaitNs; ++i) wait *= 2;
  wait = std::min(wait, kLongestWaitNs);
  return std::min(until_ms(later(last_failure_ns, wait), now_ns), wait / kNanosPerMilli);
}

}  // namespace gantry::job
