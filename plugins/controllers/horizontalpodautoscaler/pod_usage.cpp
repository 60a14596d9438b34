#include "pod_usage.hpp"

#include <map>
#include <optional>

#include "gantry/pods.hpp"
#include "gantry/quantity.hpp"
#include "gantry/times.hpp"

namespace gantry::autoscaler {
namespace {

using State = PodUse::State;

template <typename Amounts>
std::optional<int64_t> milli_of(const Amounts& amounts, std::string_view resource) {
  const auto found = amounts.find(std::string(resource));
  if (found == amounts.end()) return {};
  const auto amount = sdk::Quantity::parse(found->second.string());
  if (!amount) return {};
  return amount->milli_value();
}

// Null where a container is not measured, or none is.
std::optional<int64_t> used(const PodMetrics& metrics, const Measured& what) {
  int64_t sum = 0;
  bool any = false;
  for (const auto& container : metrics.containers()) {
    if (!what.container.empty() && container.name() != what.container) continue;
    const auto amount = milli_of(container.usage(), what.resource);
    if (!amount || __builtin_add_overflow(sum, *amount, &sum)) return {};
    any = true;
  }
  return any ? std::optional(sum) : std::nullopt;
}

int64_t ns_of(const metav1::Time& time) { return time.seconds() * kNanosPerSecond + time.nanos(); }

// Whether a pod's use of processors is that of its start. One that was ready once and no longer is counts, whatever it
// uses.
bool too_early(const corev1::Pod& pod, const PodMetrics& metrics, const Patience& patience, int64_t now_ns) {
  const auto* ready = sdk::pod_condition(pod, "Ready");
  if (ready == nullptr || !pod.status().has_start_time()) return true;
  const int64_t started = ns_of(pod.status().start_time()), turned = ns_of(ready->last_transition_time());
  if (now_ns < started + patience.initialization_ns) {
    return ready->status() == "False" || ns_of(metrics.timestamp()) < turned + metrics.window().duration();
  }
  return ready->status() == "False" && turned < started + patience.first_readiness_ns;
}

PodUse use_of(const corev1::Pod& pod, const PodMetrics* metrics, const Measured& what, const Patience& patience,
              int64_t now_ns) {
  if (pod.metadata().has_deletion_timestamp() || pod.status().phase() == "Failed") return {State::kIgnored};
  if (pod.status().phase() == "Pending") return {State::kUnready};
  const auto amount = metrics != nullptr ? used(*metrics, what) : std::nullopt;
  if (!amount) return {State::kMissing};
  if (what.resource == "cpu" && too_early(pod, *metrics, patience, now_ns)) return {State::kUnready};
  return {State::kMeasured, *amount};
}

// Of a pod's own requests, where it has them for all of its containers.
Expected<int64_t> requested(const corev1::Pod& pod, const Measured& what) {
  if (what.container.empty()) {
    if (const auto whole = milli_of(pod.spec().resources().requests(), what.resource)) return *whole;
  }
  int64_t sum = 0;
  bool found = false;
  const auto add = [&](const corev1::Container& container) -> Status {
    if (!what.container.empty() && container.name() != what.container) return {};
    found = true;
    const auto amount = milli_of(container.resources().requests(), what.resource);
    if (amount) {
      if (__builtin_add_overflow(sum, *amount, &sum)) sum = INT64_MAX;
      return {};
    }
    return Status::invalid("missing request for " + std::string(what.resource) + " in container " + container.name() +
                           " of Pod " + pod.metadata().name());
  };
  for (const auto& container : pod.spec().containers()) {
    if (auto status = add(container); !status.ok()) return status;
  }
  for (const auto& container : pod.spec().init_containers()) {
    if (!sdk::is_sidecar(container)) continue;
    if (auto status = add(container); !status.ok()) return status;
  }
  if (!found) {
    return Status::invalid("container " + std::string(what.container) + " not found in Pod " + pod.metadata().name());
  }
  return sum;
}

}  // namespace

std::vector<PodUse> uses_of(const std::vector<corev1::Pod>& pods, const std::vector<PodMetrics>& metrics,
                            const Measured& what, const Patience& patience, int64_t now_ns) {
  std::map<std::string_view, const PodMetrics*> by_name;
  for (const auto& one : metrics) by_name.emplace(one.metadata().name(), &one);
  std::vector<PodUse> out;
  for (const auto& pod : pods) {
    const auto found = by_name.find(pod.metadata().name());
    out.push_back(use_of(pod, found == by_name.end() ? nullptr : found->second, what, patience, now_ns));
  }
  return out;
}

Status add_requests(const std::vector<corev1::Pod>& pods, const Measured& what, std::vector<PodUse>& uses) {
  for (size_t i = 0; i < pods.size(); ++i) {
    auto amount = requested(pods[i], what);
    if (!amount) return std::move(amount).error();
    uses[i].requested = *amount;
  }
  return {};
}

}  // namespace gantry::autoscaler
