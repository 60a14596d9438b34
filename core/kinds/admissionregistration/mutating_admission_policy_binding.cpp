// MutatingAdmissionPolicyBindings. Pure functions, any thread.
#include "core/kinds/parts/admission_rules.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::admissionregistration_mutating_admission_policy_binding {
namespace {

void validate(const JsonObject& binding, const JsonObject* old, Errors& errors) {
  At root;
  const JsonObject* spec = changed_spec(binding, old);
  if (spec != nullptr) check_policy_binding(*spec, PolicyUse::kMutating, root.child("spec"), errors);
}

constexpr NamedCell kCells[] = {{"binding-params", binding_params}};

}  // namespace

constinit const Behavior behavior{.group = "admissionregistration.k8s.io",
                                  .kind = "MutatingAdmissionPolicyBinding",
                                  .validate = validate,
                                  .cells = kCells,
                                  .unconditional_update = false,
                                  .read_at_once = false};

}  // namespace gantry::kinds::admissionregistration_mutating_admission_policy_binding
