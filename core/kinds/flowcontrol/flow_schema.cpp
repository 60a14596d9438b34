// FlowSchemas: which requests belong to a priority level, and the two schemas that are always the same. Pure functions,
// any thread.
#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/conditions.hpp"
#include "core/kinds/parts/flow_rules.hpp"

namespace gantry::kinds::flowcontrol_flow_schema {
namespace {

constexpr int64_t kPrecedence = 1000, kHighestPrecedence = 10'000;
constexpr std::string_view kExempt = "exempt", kCatchAll = "catch-all";

void default_after(JsonObject& flow_schema) {
  JsonObject& spec = ensure_object(flow_schema, "spec");
  if (get_number(spec, "matchingPrecedence") == 0) spec["matchingPrecedence"] = kPrecedence;
}

JsonObject subject(std::string_view group) { return {{"kind", "Group"}, {"group", {{"name", group}}}}; }

// Who may ask for anything.
JsonArray anything(JsonArray subjects) {
  const JsonArray all{"*"};
  JsonObject rule;
  rule["subjects"] = std::move(subjects);
  rule["resourceRules"] = JsonArray{
      JsonObject{{"verbs", all}, {"apiGroups", all}, {"resources", all}, {"clusterScope", true}, {"namespaces", all}}};
  rule["nonResourceRules"] = JsonArray{JsonObject{{"verbs", all}, {"nonResourceURLs", all}}};
  JsonArray rules;
  rules.emplace_back(std::move(rule));
  return rules;
}

JsonObject mandatory(std::string_view name) {
  JsonObject spec;
  spec["priorityLevelConfiguration"] = JsonObject{{"name", name}};
  JsonArray subjects;
  if (name == kExempt) {
    spec["matchingPrecedence"] = 1;
    subjects.emplace_back(subject("system:masters"));
  } else {
    spec["matchingPrecedence"] = kHighestPrecedence;
    spec["distinguisherMethod"] = JsonObject{{"type", "ByUser"}};
    subjects.emplace_back(subject("system:unauthenticated"));
    subjects.emplace_back(subject("system:authenticated"));
  }
  spec["rules"] = anything(std::move(subjects));
  return spec;
}

void check_precedence(const JsonObject& spec, std::string_view name, const At& at, Errors& errors) {
  const int64_t place = get_number(spec, "matchingPrecedence");
  const auto wrong = [&](std::string_view words) { errors.invalid(at, "matchingPrecedence", place, words); };
  if (place <= 0) wrong("must be a positive value");
  if (place > kHighestPrecedence) wrong("must not be greater than 10000");
  if (place == 1 && name != kExempt) wrong("only the schema named 'exempt' may have matchingPrecedence 1");
}

void check_spec(const JsonObject& spec, std::string_view name, const At& at, Errors& errors) {
  check_precedence(spec, name, at, errors);
  if (const JsonObject* method = get_object(spec, "distinguisherMethod")) {
    const std::string_view type = get_text(*method, "type");
    if (type != "ByUser" && type != "ByNamespace") {
      // Upstream's value is the whole.
      errors.not_supported(at.child("distinguisherMethod"), "type", JsonObject{{"Type", type}},
                           {"ByNamespace", "ByUser"});
    }
  }
  At level_at = at.child("priorityLevelConfiguration");
  const std::string_view level = get_text(object_at(spec, "priorityLevelConfiguration"), "name");
  if (level.empty()) {
    errors.required(level_at, "name", "must reference a priority level");
  } else {
    errors.format(level_at, "name", "dns1123-subdomain", level);
  }
  size_t i = 0;
  each(spec, "rules", [&](const JsonObject& rule) { check_flow_rule(rule, at.child("rules", i++), errors); });
}

void validate(const JsonObject& flow_schema, const JsonObject*, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject& spec = object_at(flow_schema, "spec");
  const std::string_view name = get_text(object_at(flow_schema, "metadata"), "name");
  check_spec(spec, name, at, errors);
  if ((name == kExempt || name == kCatchAll) && !same_json(spec, mandatory(name))) {
    errors.invalid(at, "", spec, "spec of '" + std::string(name) + "' must equal the fixed value");
  }
  check_condition_types(object_at(flow_schema, "status"), "must not be empty", root.child("status"), errors);
}

void missing_level(Row& row, std::string& out) {
  std::string_view found = "?";
  const JsonArray* conditions = list_at(row.document, "status.conditions");
  for (size_t i = 0; conditions != nullptr && i < conditions->size(); ++i) {
    if (text_at((*conditions)[i], "type") != "Dangling") continue;
    found = text_at((*conditions)[i], "status");
    break;
  }
  put(out, found);
}

constexpr NamedCell kCells[] = {{"missing-level", missing_level}};

}  // namespace

constinit const Behavior behavior{.group = "flowcontrol.apiserver.k8s.io",
                                  .kind = "FlowSchema",
                                  .default_after = default_after,
                                  .validate = validate,
                                  .cells = kCells,
                                  .read_at_once = false};

}  // namespace gantry::kinds::flowcontrol_flow_schema
