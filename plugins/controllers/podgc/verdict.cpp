#include "verdict.hpp"

#include <algorithm>
#include <string_view>

#include "gantry/conditions.hpp"
#include "gantry/pods.hpp"

namespace gantry::podgc {
namespace {

constexpr std::string_view kOutOfService = "node.kubernetes.io/out-of-service";

}  // namespace

bool is_forced(const corev1::Pod& pod) {
  const auto& meta = pod.metadata();
  return meta.has_deletion_timestamp() && meta.has_deletion_grace_period_seconds() &&
         meta.deletion_grace_period_seconds() == 0;
}

bool is_out_of_service(const corev1::Node& node) {
  const auto& taints = node.spec().taints();
  const bool tainted =
      std::any_of(taints.begin(), taints.end(), [](const auto& taint) { return taint.key() == kOutOfService; });
  return tainted && !sdk::is_condition_true(node.status().conditions(), "Ready");
}

bool mark_failed(corev1::Pod& pod, bool node_is_gone, int64_t now_ns) {
  if (sdk::is_finished(pod)) return false;
  auto& status = *pod.mutable_status();
  status.set_phase("Failed");
  if (!node_is_gone) return true;
  corev1::PodCondition condition;
  condition.set_type("DisruptionTarget");
  condition.set_status("True");
  condition.set_reason("DeletionByPodGC");
  condition.set_message("PodGC: node no longer exists");
  condition.set_observed_generation(pod.metadata().generation());
  sdk::set_condition(*status.mutable_conditions(), std::move(condition), now_ns);
  return true;
}

}  // namespace gantry::podgc
