#include "core/node/machine/qos.hpp"

#include <algorithm>
#include <limits>

#include "core/node/runtime/labels.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::node {
namespace {

constexpr int64_t kPeriod = 100'000;
constexpr int64_t kMinShares = 2, kMaxShares = 262'144;
constexpr int64_t kMinQuota = 1'000;
constexpr int64_t kGuaranteedScore = -997;
constexpr int64_t kSystemCritical = 2'000'000'000;

template <typename Map>
Amounts amounts(const Map& map) {
  Amounts out;
  if (const auto cpu = map.find("cpu"); cpu != map.end()) {
    if (const auto parsed = schema::Quantity::parse(cpu->second.string())) out.cpu_milli = parsed->milli_value();
  }
  if (const auto memory = map.find("memory"); memory != map.end()) {
    if (const auto parsed = schema::Quantity::parse(memory->second.string())) out.memory = parsed->value();
  }
  return out;
}

// An amount over the pod's life: what runs at once, or the largest init container with the sidecars before it.
// `complete` is false when a container gives none.
struct Total {
  int64_t sum = 0;
  bool complete = true;
};
template <typename Pick>
Total total(const corev1::PodSpec& spec, Pick pick) {
  Total out;
  int64_t sidecars = 0, largest_init = 0;
  for (const auto& container : spec.init_containers()) {
    const int64_t amount = pick(container.resources());
    if (amount <= 0) out.complete = false;
    if (is_sidecar(container)) sidecars += std::max<int64_t>(amount, 0);
    const int64_t at_once = is_sidecar(container) ? sidecars : sidecars + std::max<int64_t>(amount, 0);
    largest_init = std::max(largest_init, at_once);
  }
  for (const auto& container : spec.containers()) {
    const int64_t amount = pick(container.resources());
    if (amount <= 0) out.complete = false;
    out.sum += std::max<int64_t>(amount, 0);
  }
  out.sum = std::max(out.sum + sidecars, largest_init);
  return out;
}

int64_t burstable_score(const corev1::Pod& pod, const corev1::Container& container, int64_t capacity) {
  const int64_t request = std::max<int64_t>(requests_of(container.resources()).memory, 0);
  int64_t score =
      capacity > 0 ? 1000 - static_cast<int64_t>(1000.0 * static_cast<double>(request) / static_cast<double>(capacity))
                   : 999;
  // A sidecar is not to go before the containers it serves.
  if (is_sidecar(container)) {
    int64_t least = std::numeric_limits<int64_t>::max();
    for (const auto& main : pod.spec().containers())
      least = std::min(least, std::max<int64_t>(requests_of(main.resources()).memory, 0));
    if (capacity > 0 && !pod.spec().containers().empty()) {
      score = std::min(
          score, 1000 - static_cast<int64_t>(1000.0 * static_cast<double>(least) / static_cast<double>(capacity)));
    }
  }
  return std::clamp<int64_t>(score, 1000 + kGuaranteedScore, 999);
}

}  // namespace

Amounts requests_of(const corev1::ResourceRequirements& resources) { return amounts(resources.requests()); }
Amounts limits_of(const corev1::ResourceRequirements& resources) { return amounts(resources.limits()); }

QosClass qos_class(const corev1::Pod& pod) {
  const auto& known = pod.status().qos_class();
  if (known == "Guaranteed") return QosClass::kGuaranteed;
  if (known == "Burstable") return QosClass::kBurstable;
  if (known == "BestEffort") return QosClass::kBestEffort;
  bool any = false, guaranteed = true;
  const auto look = [&](const corev1::ResourceRequirements& resources) {
    const auto requests = requests_of(resources), limits = limits_of(resources);
    any = any || requests.cpu_milli > 0 || requests.memory > 0 || limits.cpu_milli > 0 || limits.memory > 0;
    const auto same = [](int64_t request, int64_t limit) { return limit > 0 && (request == -1 || request == limit); };
    guaranteed = guaranteed && same(requests.cpu_milli, limits.cpu_milli) && same(requests.memory, limits.memory);
  };
  if (pod.spec().has_resources()) {
    look(pod.spec().resources());
  } else {
    for (const auto& container : pod.spec().containers()) look(container.resources());
    for (const auto& container : pod.spec().init_containers()) look(container.resources());
  }
  if (!any) return QosClass::kBestEffort;
  return guaranteed ? QosClass::kGuaranteed : QosClass::kBurstable;
}

std::string qos_name(QosClass qos) {
  if (qos == QosClass::kGuaranteed) return "Guaranteed";
  return qos == QosClass::kBurstable ? "Burstable" : "BestEffort";
}

int64_t milli_to_shares(int64_t milli) {
  if (milli <= 0) return kMinShares;
  return std::clamp(milli * 1024 / 1000, kMinShares, kMaxShares);
}

int64_t milli_to_quota(int64_t milli) { return milli <= 0 ? 0 : std::max(milli * kPeriod / 1000, kMinQuota); }

CgroupLimits container_limits(const corev1::Container& container) {
  const auto requests = requests_of(container.resources()), limits = limits_of(container.resources());
  CgroupLimits out;
  // Without a request the limit stands for it.
  out.cpu_shares =
      milli_to_shares(requests.cpu_milli == -1 && limits.cpu_milli > 0 ? limits.cpu_milli : requests.cpu_milli);
  if (limits.cpu_milli > 0) {
    out.cpu_period = kPeriod;
    out.cpu_quota = milli_to_quota(limits.cpu_milli);
  }
  out.memory = std::max<int64_t>(limits.memory, 0);
  return out;
}

int64_t pod_cpu_request_milli(const corev1::Pod& pod) {
  const int64_t whole = requests_of(pod.spec().resources()).cpu_milli;
  if (whole > 0) return whole;
  return total(pod.spec(),
               [](const auto& resources) {
                 const auto requests = requests_of(resources);
                 return requests.cpu_milli == -1 ? limits_of(resources).cpu_milli : requests.cpu_milli;
               })
      .sum;
}

CgroupLimits pod_limits(const corev1::Pod& pod) {
  CgroupLimits out;
  if (qos_class(pod) == QosClass::kBestEffort) {
    out.cpu_shares = kMinShares;
    return out;
  }
  out.cpu_shares = milli_to_shares(pod_cpu_request_milli(pod));
  const auto whole = limits_of(pod.spec().resources());
  const auto cpu = total(pod.spec(), [](const auto& resources) { return limits_of(resources).cpu_milli; });
  const auto memory = total(pod.spec(), [](const auto& resources) { return limits_of(resources).memory; });
  const int64_t cpu_limit = whole.cpu_milli > 0 ? whole.cpu_milli : (cpu.complete ? cpu.sum : 0);
  if (cpu_limit > 0) {
    out.cpu_period = kPeriod;
    out.cpu_quota = milli_to_quota(cpu_limit);
  }
  out.memory = whole.memory > 0 ? whole.memory : (memory.complete ? memory.sum : 0);
  return out;
}

int64_t oom_score_adj(const corev1::Pod& pod, const corev1::Container& container, int64_t memory_capacity) {
  if (pod.spec().priority() >= kSystemCritical) return kGuaranteedScore;
  switch (qos_class(pod)) {
    case QosClass::kGuaranteed:
      return kGuaranteedScore;
    case QosClass::kBestEffort:
      return 1000;
    case QosClass::kBurstable:
      break;
  }
  return burstable_score(pod, container, memory_capacity);
}

}  // namespace gantry::node
