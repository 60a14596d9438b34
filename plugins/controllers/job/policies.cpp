#include "policies.hpp"

#include <algorithm>

namespace gantry::job {
namespace {

using Action = PolicyMatch::Action;

bool is_code_meant(const batchv1::PodFailurePolicyOnExitCodesRequirement& wanted, int32_t code) {
  const bool listed = std::find(wanted.values().begin(), wanted.values().end(), code) != wanted.values().end();
  if (wanted.operator_() == "In") return listed;
  return wanted.operator_() == "NotIn" && !listed;
}

// The first container that ended with a failure that is meant, or null.
template <typename Statuses>
const corev1::ContainerStatus* find_ended(const batchv1::PodFailurePolicyOnExitCodesRequirement& wanted,
                                          const Statuses& statuses) {
  for (const auto& status : statuses) {
    if (!status.state().has_terminated()) continue;
    if (wanted.has_container_name() && wanted.container_name() != status.name()) continue;
    const int32_t code = status.state().terminated().exit_code();
    if (code != 0 && is_code_meant(wanted, code)) return &status;
  }
  return nullptr;
}

const corev1::PodCondition* find_condition_meant(const batchv1::PodFailurePolicyRule& rule,
                                                 const corev1::PodStatus& status) {
  for (const auto& condition : status.conditions()) {
    for (const auto& pattern : rule.on_pod_conditions()) {
      if (condition.type() == pattern.type() && condition.status() == pattern.status()) return &condition;
    }
  }
  return nullptr;
}

// Why the rule applies, in upstream's words but for their end; none: it does not.
std::optional<std::string> reason_of(const batchv1::PodFailurePolicyRule& rule, const corev1::Pod& pod) {
  const std::string name = pod.metadata().namespace_() + "/" + pod.metadata().name();
  if (rule.has_on_exit_codes()) {
    const auto* ended = find_ended(rule.on_exit_codes(), pod.status().container_statuses());
    if (ended == nullptr) ended = find_ended(rule.on_exit_codes(), pod.status().init_container_statuses());
    if (ended == nullptr) return std::nullopt;
    return "Container " + ended->name() + " for pod " + name + " failed with exit code " +
           std::to_string(ended->state().terminated().exit_code());
  }
  const auto* condition = find_condition_meant(rule, pod.status());
  if (condition == nullptr) return std::nullopt;
  return "Pod " + name + " has condition " + condition->type();
}

Action action_of(const std::string& word) {
  if (word == "Ignore") return Action::kIgnore;
  if (word == "Count") return Action::kCount;
  if (word == "FailIndex") return Action::kFailIndex;
  return word == "FailJob" ? Action::kFailJob : Action::kNone;
}

}  // namespace

PolicyMatch match_failure_policy(const batchv1::JobSpec& spec, const corev1::Pod& failed) {
  const auto& rules = spec.pod_failure_policy().rules();
  for (int i = 0; i < rules.size(); ++i) {
    const Action action = action_of(rules.Get(i).action());
    const auto reason = action == Action::kNone ? std::nullopt : reason_of(rules.Get(i), failed);
    if (!reason) continue;
    if (action != Action::kFailJob) return {action, {}};
    return {action, *reason + " matching FailJob rule at index " + std::to_string(i)};
  }
  return {};
}

std::optional<std::string> match_success_policy(const batchv1::JobSpec& spec, const IndexSet& succeeded) {
  const auto& rules = spec.success_policy().rules();
  if (succeeded.empty()) return std::nullopt;
  for (int i = 0; i < rules.size(); ++i) {
    const auto& rule = rules.Get(i);
    bool met = false;
    if (rule.has_succeeded_indexes()) {
      const auto wanted = IndexSet::parse(rule.succeeded_indexes(), spec.completions());
      const int64_t common = wanted.count_common(succeeded);
      met = !wanted.empty() &&
            (common == wanted.size() || (rule.has_succeeded_count() && common >= rule.succeeded_count()));
    } else {
      met = rule.has_succeeded_count() && succeeded.size() >= rule.succeeded_count();
    }
    if (met) return "Matched rules at index " + std::to_string(i);
  }
  return std::nullopt;
}

}  // namespace gantry::job
