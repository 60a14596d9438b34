// ValidatingAdmissionPolicies. Pure functions, any thread.
#include <set>

#include "core/kinds/parts/admission_rules.hpp"
#include "core/kinds/parts/conditions.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::admissionregistration_validating_admission_policy {
namespace {

constexpr size_t kMostAnnotations = 20, kLongestValue = 5 * 1024;

void check_validation(const JsonObject& validation, const PolicyExpressions& expressions, const At& at,
                      Errors& errors) {
  const std::string_view message = get_text(validation, "message"), says = get_text(validation, "messageExpression");
  if (trimmed(get_text(validation, "expression")).empty()) {
    errors.required(at, "expression", "expression is not specified");
  } else {
    expressions.check(validation, "expression", Evaluates::kToBool, at, errors);
  }
  if (!says.empty() && trimmed(says).empty()) {
    errors.invalid(at, "messageExpression", Json(says), "must be non-empty if specified");
  } else if (!says.empty()) {
    expressions.check(validation, "messageExpression", Evaluates::kToText, at, errors);
  }
  if (!message.empty() && trimmed(message).empty()) {
    errors.invalid(at, "message", Json(message), "message must be non-empty if specified");
  } else if (trimmed(message).find_first_of("\n\r") != std::string_view::npos) {
    errors.invalid(at, "message", Json(message), "message must not contain line breaks");
  }
}

void check_annotation(const JsonObject& annotation, std::string_view policy, const PolicyExpressions& expressions,
                      const At& at, Errors& errors) {
  const std::string_view key = get_text(annotation, "key");
  if (policy.empty()) {
    errors.invalid(at, "key", Json(key), "requires metadata.name be non-empty");
  } else {
    errors.format(at, "key", "qualified-name", std::string(policy) + "/" + std::string(key));
  }
  const std::string_view value = trimmed(get_text(annotation, "valueExpression"));
  if (value.empty()) {
    errors.required(at, "valueExpression", "valueExpression is not specified");
  } else if (value.size() > kLongestValue) {
    errors.required(at, "valueExpression", "must not exceed " + std::to_string(kLongestValue) + " bytes in length");
  } else {
    expressions.check(annotation, "valueExpression", value, Evaluates::kToTextOrNull, at, errors);
  }
}

void check_annotations(const JsonObject& spec, std::string_view policy, const PolicyExpressions& expressions,
                       const At& at, Errors& errors) {
  const JsonArray* annotations = get_array(spec, "auditAnnotations");
  if (annotations != nullptr && annotations->size() > kMostAnnotations) {
    errors.invalid(at, "auditAnnotations", *annotations,
                   "must not have more than " + std::to_string(kMostAnnotations) + " auditAnnotations");
  }
  std::set<std::string_view> keys;
  size_t i = 0;
  each(spec, "auditAnnotations", [&](const JsonObject& annotation) {
    At here = at.child("auditAnnotations", i++);
    check_annotation(annotation, policy, expressions, here, errors);
    const std::string_view key = get_text(annotation, "key");
    if (!keys.insert(key).second) errors.duplicate(here, "key", Json(key));
  });
}

void check_status(const JsonObject& status, const At& at, Errors& errors) {
  At checking = at.child("typeChecking");
  size_t i = 0;
  each(object_at(status, "typeChecking"), "expressionWarnings", [&](const JsonObject& warning) {
    At here = checking.child("expressionWarnings", i++);
    if (get_text(warning, "warning").empty()) errors.required(here, "warning");
    if (trimmed(get_text(warning, "fieldRef")).empty()) errors.required(here, "fieldRef");
  });
  check_conditions(status, at, errors);
}

void check_spec(const JsonObject& spec, const JsonObject* old, std::string_view policy, const At& at, Errors& errors) {
  const PolicyExpressions expressions = check_policy(spec, old, PolicyUse::kValidating, at, errors);
  if (!has_items(spec, "validations") && !has_items(spec, "auditAnnotations")) {
    for (std::string_view key : {"validations", "auditAnnotations"}) {
      errors.required(at, key, "validations or auditAnnotations must contain at least one item");
    }
  }
  size_t i = 0;
  each(spec, "validations", [&](const JsonObject& validation) {
    check_validation(validation, expressions, at.child("validations", i++), errors);
  });
  check_annotations(spec, policy, expressions, at, errors);
}

void validate(const JsonObject& policy, const JsonObject* old, Errors& errors) {
  At root;
  const std::string_view name = get_text(object_at(policy, "metadata"), "name");
  if (const JsonObject* spec = changed_spec(policy, old)) check_spec(*spec, old, name, root.child("spec"), errors);
  if (old == nullptr) return;
  const JsonObject& status = object_at(policy, "status");
  if (!same_json(status, object_at(*old, "status"))) check_status(status, root.child("status"), errors);
}

void policy_validations(Row& row, std::string& out) { out += std::to_string(members_at(row, "spec.validations")); }

constexpr NamedCell kCells[] = {{"policy-validations", policy_validations}, {"policy-params", policy_params}};

}  // namespace

constinit const Behavior behavior{.group = "admissionregistration.k8s.io",
                                  .kind = "ValidatingAdmissionPolicy",
                                  .validate = validate,
                                  .cells = kCells,
                                  .unconditional_update = false,
                                  .read_at_once = false};

}  // namespace gantry::kinds::admissionregistration_validating_admission_policy
