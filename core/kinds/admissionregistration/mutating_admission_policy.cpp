// MutatingAdmissionPolicies. Pure functions, any thread.
#include "core/kinds/parts/admission_rules.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::admissionregistration_mutating_admission_policy {
namespace {

struct PatchType {
  std::string_view name, key, other, other_value;
  Evaluates to;
};
constexpr PatchType kPatchTypes[] = {
    {"JSONPatch", "jsonPatch", "applyConfiguration", "{applyConfiguration}", Evaluates::kToPatches},
    {"ApplyConfiguration", "applyConfiguration", "jsonPatch", "{jsonPatch}", Evaluates::kToObject},
};

void check_mutation(const JsonObject& mutation, const PolicyExpressions& expressions, const At& at, Errors& errors) {
  const std::string_view type = get_text(mutation, "patchType");
  for (const PatchType& known : kPatchTypes) {
    if (known.name != type) continue;
    const JsonObject* patch = get_object(mutation, known.key);
    if (patch == nullptr) {
      errors.required(at, known.key, "must be specified when patchType is " + std::string(type));
    } else if (trimmed(get_text(*patch, "expression")).empty()) {
      errors.required(at.child(known.key), "expression");
    } else {
      expressions.check(*patch, "expression", known.to, at.child(known.key), errors);
    }
    if (get_object(mutation, known.other) != nullptr) {
      errors.invalid(at, known.other, Json(known.other_value),
                     "must not be specified when patchType is " + std::string(type));
    }
  }
}

void validate(const JsonObject& policy, const JsonObject* old, Errors& errors) {
  const JsonObject* spec = changed_spec(policy, old);
  if (spec == nullptr) return;
  At root;
  At at = root.child("spec");
  const PolicyExpressions expressions = check_policy(*spec, old, PolicyUse::kMutating, at, errors);
  size_t i = 0;
  each(*spec, "mutations",
       [&](const JsonObject& mutation) { check_mutation(mutation, expressions, at.child("mutations", i++), errors); });
}

void policy_mutations(Row& row, std::string& out) { out += std::to_string(members_at(row, "spec.mutations")); }

constexpr NamedCell kCells[] = {{"policy-mutations", policy_mutations}, {"policy-params", policy_params}};

}  // namespace

constinit const Behavior behavior{.group = "admissionregistration.k8s.io",
                                  .kind = "MutatingAdmissionPolicy",
                                  .validate = validate,
                                  .cells = kCells,
                                  .unconditional_update = false,
                                  .read_at_once = false};

}  // namespace gantry::kinds::admissionregistration_mutating_admission_policy
