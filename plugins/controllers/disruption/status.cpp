#include "status.hpp"

#include <algorithm>
#include <map>

#include "gantry/conditions.hpp"
#include "gantry/pods.hpp"

namespace gantry::disruption {
namespace {

constexpr char kDisruptionAllowed[] = "DisruptionAllowed";

metav1::Condition allowed_condition(bool allowed, const char* reason, const std::string& message, int64_t generation) {
  metav1::Condition condition;
  condition.set_type(kDisruptionAllowed);
  condition.set_status(allowed ? "True" : "False");
  condition.set_reason(reason);
  condition.set_message(message);
  condition.set_observed_generation(generation);
  return condition;
}

bool same_condition(const metav1::Condition* a, const metav1::Condition* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->status() == b->status() && a->reason() == b->reason() && a->message() == b->message() &&
         a->observed_generation() == b->observed_generation();
}

using Times = google::protobuf::Map<std::string, metav1::Time>;

bool same_times(const Times& a, const Times& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](const auto& item) {
           const auto found = b.find(item.first);
           return found != b.end() && to_ns(found->second) == to_ns(item.second);
         });
}

}  // namespace

Disrupted still_disrupted(const policyv1::PodDisruptionBudgetStatus& status, const std::vector<corev1::Pod>& pods,
                          int64_t now_ns) {
  Disrupted result;
  if (status.disrupted_pods().empty()) return result;
  for (const auto& pod : pods) {
    if (pod.metadata().has_deletion_timestamp()) continue;
    const auto found = status.disrupted_pods().find(pod.metadata().name());
    if (found == status.disrupted_pods().end()) continue;
    const int64_t left_ms = until_ms(later(to_ns(found->second), kDeletionTimeoutNs), now_ns);
    if (left_ms == 0) {
      result.not_deleted.push_back(&pod);
      continue;
    }
    if (result.next_check_ms == 0 || left_ms < result.next_check_ms) result.next_check_ms = left_ms;
    result.pods[pod.metadata().name()] = found->second;
  }
  return result;
}

int32_t count_healthy(const std::vector<corev1::Pod>& pods, const Disrupted& disrupted) {
  return static_cast<int32_t>(std::count_if(pods.begin(), pods.end(), [&](const corev1::Pod& pod) {
    return !pod.metadata().has_deletion_timestamp() && !disrupted.pods.contains(pod.metadata().name()) &&
           sdk::is_ready(pod);
  }));
}

policyv1::PodDisruptionBudgetStatus next_status(const policyv1::PodDisruptionBudget& budget, const Counts& counts,
                                                const Disrupted& disrupted, int64_t now_ns) {
  auto status = budget.status();
  // Where no pods are expected none may go: the first ones come before they have been counted.
  const int32_t allowed = counts.expected > 0 ? std::max(counts.healthy - counts.must_be_healthy, 0) : 0;
  const int64_t generation = budget.metadata().generation();
  status.set_current_healthy(counts.healthy);
  status.set_desired_healthy(counts.must_be_healthy);
  status.set_expected_pods(counts.expected);
  status.set_disruptions_allowed(allowed);
  *status.mutable_disrupted_pods() = disrupted.pods;
  status.set_observed_generation(generation);
  sdk::set_condition(
      *status.mutable_conditions(),
      allowed_condition(allowed > 0, allowed > 0 ? "SufficientPods" : "InsufficientPods", "", generation), now_ns);
  return status;
}

policyv1::PodDisruptionBudgetStatus failed_status(const policyv1::PodDisruptionBudget& budget, const Status& failure,
                                                  int64_t now_ns) {
  auto status = budget.status();
  status.set_disruptions_allowed(0);
  sdk::set_condition(*status.mutable_conditions(),
                     allowed_condition(false, "SyncFailed", failure.message(), status.observed_generation()), now_ns);
  return status;
}

bool same_status(const policyv1::PodDisruptionBudgetStatus& a, const policyv1::PodDisruptionBudgetStatus& b) {
  return a.current_healthy() == b.current_healthy() && a.desired_healthy() == b.desired_healthy() &&
         a.expected_pods() == b.expected_pods() && a.disruptions_allowed() == b.disruptions_allowed() &&
         a.observed_generation() == b.observed_generation() && same_times(a.disrupted_pods(), b.disrupted_pods()) &&
         same_condition(sdk::find_condition(a.conditions(), kDisruptionAllowed),
                        sdk::find_condition(b.conditions(), kDisruptionAllowed));
}

std::string quoted_selector(const metav1::LabelSelector& selector) {
  std::string text = "&LabelSelector{MatchLabels:map[string]string{";
  const std::map<std::string, std::string> labels(selector.match_labels().begin(), selector.match_labels().end());
  for (const auto& [key, value] : labels) text += key + ": " + value + ",";
  text += "},MatchExpressions:[]LabelSelectorRequirement{";
  for (const auto& one : selector.match_expressions()) {
    text += "LabelSelectorRequirement{Key:" + one.key() + ",Operator:" + one.operator_() + ",Values:[";
    for (int i = 0; i < one.values_size(); ++i) text += (i > 0 ? " " : "") + one.values(i);
    text += "],},";
  }
  return text + "},}";
}

}  // namespace gantry::disruption
