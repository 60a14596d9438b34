// Owns what expressions of webhooks and admission policies may refer to, and the words for those that don't compile.
// Pure functions, any thread.
#include "core/kinds/parts/admission_expressions.hpp"

#include <array>

#include "core/cel/compile.hpp"

namespace gantry::kinds {
namespace {

using cel::Environment;
using cel::TypePtr;

struct TypedField {
  const char *name, *type;
};

TypePtr typed_message(std::string name, std::initializer_list<TypedField> fields, std::vector<cel::Field> inner = {}) {
  for (const TypedField& field : fields) inner.push_back({field.name, cel::read_type(field.type)});
  return cel::message_type(std::move(name), std::move(inner));
}

// Without uid, and without the objects, which are variables.
TypePtr request_type() {
  const TypePtr kind =
      typed_message("kubernetes.GroupVersionKind", {{"group", "string"}, {"version", "string"}, {"kind", "string"}});
  const TypePtr resource = typed_message("kubernetes.GroupVersionResource",
                                         {{"group", "string"}, {"version", "string"}, {"resource", "string"}});
  const TypePtr user = typed_message(
      "kubernetes.UserInfo",
      {{"username", "string"}, {"uid", "string"}, {"groups", "list(string)"}, {"extra", "map(string, list(string))"}});
  return typed_message("kubernetes.AdmissionRequest",
                       {{"subResource", "string"},
                        {"requestSubResource", "string"},
                        {"name", "string"},
                        {"namespace", "string"},
                        {"operation", "string"},
                        {"dryRun", "bool"},
                        {"options", "dyn"}},
                       {{"kind", kind},
                        {"resource", resource},
                        {"requestKind", kind},
                        {"requestResource", resource},
                        {"userInfo", user}});
}

TypePtr namespace_type() {
  const TypePtr metadata = typed_message("kubernetes.NamespaceMetadata", {{"name", "string"},
                                                                          {"generateName", "string"},
                                                                          {"namespace", "string"},
                                                                          {"labels", "map(string, string)"},
                                                                          {"annotations", "map(string, string)"},
                                                                          {"UID", "string"},
                                                                          {"creationTimestamp", "timestamp"},
                                                                          {"deletionGracePeriodSeconds", "int"},
                                                                          {"deletionTimestamp", "timestamp"},
                                                                          {"generation", "int"},
                                                                          {"resourceVersion", "string"},
                                                                          {"finalizers", "list(string)"}});
  const TypePtr condition = typed_message("kubernetes.NamespaceCondition", {{"status", "string"},
                                                                            {"type", "string"},
                                                                            {"lastTransitionTime", "timestamp"},
                                                                            {"message", "string"},
                                                                            {"reason", "string"}});
  const TypePtr spec = typed_message("kubernetes.NamespaceSpec", {{"finalizers", "list(string)"}});
  const TypePtr status =
      typed_message("kubernetes.NamespaceStatus", {{"phase", "string"}}, {{"conditions", cel::list_type(condition)}});
  return cel::message_type("kubernetes.Namespace", {{"metadata", metadata}, {"spec", spec}, {"status", status}});
}

TypePtr patch_type() {
  static const TypePtr kType =
      typed_message("JSONPatch", {{"op", "string"}, {"path", "string"}, {"from", "string"}, {"value", "dyn"}});
  return kType;
}

Environment environment_of(bool params, bool authorizer, bool patches) {
  Environment out;
  out.set_variable("object", cel::dyn_type());
  out.set_variable("oldObject", cel::dyn_type());
  out.set_variable("request", request_type());
  out.set_variable("namespaceObject", namespace_type());
  if (params) out.set_variable("params", cel::dyn_type());
  if (authorizer) {
    out.set_variable("authorizer", cel::read_type("kubernetes.authorization.Authorizer"));
    out.set_variable("authorizer.requestResource", cel::read_type("kubernetes.authorization.ResourceCheck"));
  }
  if (patches) {
    out.add_message(patch_type());
    out.add_open_messages("Object");
    out.add_functions(cel::kPatchFunctions);
  }
  return out;
}

std::vector<TypePtr> wanted_types(Evaluates to) {
  switch (to) {
    case Evaluates::kToAnything:
      return {};
    case Evaluates::kToBool:
      return {cel::type_named("bool")};
    case Evaluates::kToText:
      return {cel::type_named("string")};
    case Evaluates::kToTextOrNull:
      return {cel::type_named("string"), cel::type_named("null")};
    case Evaluates::kToObject:
      return {cel::open_message_type("Object")};
    case Evaluates::kToPatches:
      return {cel::list_type(patch_type())};
  }
  return {};
}

// Why an expression of that type is none that evaluates to what it must; empty: it is.
std::string wrong_type(const TypePtr& type, Evaluates to) {
  const auto wanted = wanted_types(to);
  std::string names;
  for (const TypePtr& one : wanted) {
    if (cel::same_type(*one, *type)) return {};
    names += (names.empty() ? "" : " ") + cel::runtime_type_text(*one);
  }
  if (wanted.empty()) return {};
  if (wanted.size() > 1) names = "one of [" + names + "]";
  return "must evaluate to " + names + " but got " + cel::runtime_type_text(*type);
}

// The type; null: an error says why there is none.
TypePtr compile_in(const Environment& environment, std::string_view text, Evaluates to, std::string& wrong) {
  cel::Issues issues(text);
  const cel::Compiled compiled = cel::compile(text, environment, issues);
  if (compiled.type == nullptr) {
    wrong = "compilation failed: " + issues.text();
    return nullptr;
  }
  wrong = wrong_type(compiled.type, to);
  return compiled.type;
}

// What a variable is known to be: types that Kubernetes has no declaration of are dyn.
TypePtr declared(const TypePtr& type) {
  using enum cel::TypeKind;
  if (type->kind() == kPrimitive || type->kind() == kWellKnown || type->kind() == kNull) return type;
  if (type->kind() == kList) return cel::list_type(declared(type->params()[0]));
  if (type->kind() == kMap) return cel::map_type(declared(type->params()[0]), declared(type->params()[1]));
  return cel::dyn_type();
}

}  // namespace

void check_match_expression(std::string_view text, bool params, const At& at, Errors& errors) {
  static const std::array<Environment, 2> kEnvironments = {environment_of(false, true, false),
                                                           environment_of(true, true, false)};
  if (errors.full()) return;
  std::string wrong;
  compile_in(kEnvironments[params ? 1 : 0], text, Evaluates::kToBool, wrong);
  if (!wrong.empty()) errors.invalid(at, "expression", Json(text), wrong);
}

PolicyExpressions::PolicyExpressions(bool params, bool patches)
    : all_(environment_of(params, true, patches)), unauthorized_(environment_of(params, false, patches)) {}

void PolicyExpressions::check(const JsonObject& object, std::string_view key, Evaluates to, const At& at,
                              Errors& errors) const {
  check(object, key, get_text(object, key), to, at, errors);
}

void PolicyExpressions::check(const JsonObject& object, std::string_view key, std::string_view compiled, Evaluates to,
                              const At& at, Errors& errors) const {
  if (errors.full()) return;
  std::string wrong;
  compile_in(to == Evaluates::kToText ? unauthorized_ : all_, compiled, to, wrong);
  if (!wrong.empty()) errors.invalid(at, key, Json(get_text(object, key)), wrong);
}

void PolicyExpressions::add_variable(const JsonObject& variable, const At& at, Errors& errors) {
  const std::string_view text = get_text(variable, "expression");
  TypePtr type = cel::dyn_type();
  if (!errors.full()) {
    std::string wrong;
    if (const TypePtr found = compile_in(all_, text, Evaluates::kToAnything, wrong)) type = declared(found);
    if (!wrong.empty()) errors.invalid(at, "expression", Json(text), wrong);
  }
  for (Environment* one : {&all_, &unauthorized_}) {
    one->set_variable("variables", cel::message_type("kubernetes.variables", {}));
    one->set_variable("variables." + std::string(get_text(variable, "name")), type);
  }
}

}  // namespace gantry::kinds
