#include "stale_condition.hpp"

#include "gantry/conditions.hpp"
#include "gantry/pods.hpp"

namespace gantry::disruption {
namespace {

constexpr int64_t kStaleAfterNs = 120 * kNanosPerSecond;
constexpr char kDisruptionTarget[] = "DisruptionTarget";

}  // namespace

std::optional<int64_t> stale_after_ms(const corev1::Pod& pod, int64_t now_ns) {
  if (!sdk::is_active(pod)) return std::nullopt;
  const auto* condition = sdk::pod_condition(pod, kDisruptionTarget);
  if (condition == nullptr || condition->status() != "True" || condition->reason() == "TerminationByKubelet") {
    return std::nullopt;
  }
  return until_ms(later(to_ns(condition->last_transition_time()), kStaleAfterNs), now_ns);
}

void take_back(corev1::Pod& pod, int64_t now_ns) {
  corev1::PodCondition condition;
  condition.set_type(kDisruptionTarget);
  condition.set_status("False");
  sdk::set_condition(*pod.mutable_status()->mutable_conditions(), std::move(condition), now_ns);
}

}  // namespace gantry::disruption
