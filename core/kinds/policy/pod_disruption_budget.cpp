// PodDisruptionBudgets: one of two limits, each a number or a share. Pure functions, any thread.
#include "core/kinds/parts/conditions.hpp"
#include "core/kinds/parts/pod_rules.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::policy_pod_disruption_budget {
namespace {

void check_spec(const JsonObject& spec, const At& at, Errors& errors) {
  if (get(spec, "minAvailable") != nullptr && get(spec, "maxUnavailable") != nullptr) {
    errors.invalid(at, "", spec, "minAvailable and maxUnavailable cannot be both set");
  }
  check_share(spec, "minAvailable", true, at, errors);
  check_share(spec, "maxUnavailable", true, at, errors);
  if (const JsonObject* selector = get_object(spec, "selector")) {
    check_label_selector(*selector, at.child("selector"), errors);
  }
}

void validate(const JsonObject& budget, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  if (const JsonObject* spec = changed_spec(budget, old)) check_spec(*spec, at, errors);
  const JsonObject* status = changed_status(budget, old);
  if (status == nullptr) return;
  At there = root.child("status");
  check_conditions(*status, there, errors);
  check_not_negative(*status, {"disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"}, there,
                     errors);
}

}  // namespace

constinit const Behavior behavior{
    .group = "policy", .kind = "PodDisruptionBudget", .validate = validate, .unconditional_update = false};

}  // namespace gantry::kinds::policy_pod_disruption_budget
