// ValidatingAdmissionPolicyBindings. Pure functions, any thread.
#include <algorithm>

#include "core/kinds/parts/admission_rules.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::admissionregistration_validating_admission_policy_binding {
namespace {

void check_actions(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonArray* actions = get_array(spec, "validationActions");
  if (actions == nullptr) return;
  const auto has = [&](std::string_view action) {
    return std::find(actions->begin(), actions->end(), Json(action)) != actions->end();
  };
  if (has("Deny") && has("Warn")) {
    errors.invalid(at, "validationActions", *actions,
                   "must not contain both Deny and Warn (repeating the same validation failure information in the API "
                   "response and headers serves no purpose)");
  }
}

void validate(const JsonObject& binding, const JsonObject* old, Errors& errors) {
  const JsonObject* spec = changed_spec(binding, old);
  if (spec == nullptr) return;
  At root;
  At at = root.child("spec");
  check_policy_binding(*spec, PolicyUse::kValidating, at, errors);
  check_actions(*spec, at, errors);
}

constexpr NamedCell kCells[] = {{"binding-params", binding_params}};

}  // namespace

constinit const Behavior behavior{.group = "admissionregistration.k8s.io",
                                  .kind = "ValidatingAdmissionPolicyBinding",
                                  .validate = validate,
                                  .cells = kCells,
                                  .unconditional_update = false,
                                  .read_at_once = false};

}  // namespace gantry::kinds::admissionregistration_validating_admission_policy_binding
