// Owns the rules of a job's policies: what failures of pods mean, and what success is. Pure functions, any thread.
#include <set>

#include "core/kinds/parts/job_indexes.hpp"
#include "core/kinds/parts/job_rules.hpp"

namespace gantry::kinds {
namespace {

constexpr size_t kMostRules = 20, kMostPatterns = 20, kMostExitCodes = 255, kLongestIndexes = 64 * 1024;

void check_patterns(const JsonObject& rule, const At& at, Errors& errors) {
  const JsonArray* list = get_array(rule, "onPodConditions");
  if (list != nullptr && list->size() > kMostPatterns) {
    errors.too_many(at, "onPodConditions", list->size(), kMostPatterns);
  }
  size_t i = 0;
  each(rule, "onPodConditions", [&](const JsonObject& pattern) {
    At here = at.child("onPodConditions", i++);
    errors.format(here, "type", "qualified-name", get_text(pattern, "type"));
    const std::string_view status = get_text(pattern, "status");
    if (status.empty()) {
      errors.required(here, "status", R"(valid values: ["False" "True" "Unknown"])");
    } else if (status != "True" && status != "False" && status != "Unknown") {
      errors.not_supported(here, "status", status, {"False", "True", "Unknown"});
    }
  });
}

void check_values(const JsonObject& codes, bool in, const At& at, Errors& errors) {
  static const JsonArray kNone;
  const JsonArray* list = get_array(codes, "values");
  const JsonArray& values = list != nullptr ? *list : kNone;
  if (values.empty()) errors.invalid(at, "values", values, "at least one value is required");
  if (values.size() > kMostExitCodes) errors.too_many(at, "values", values.size(), kMostExitCodes);
  std::set<int64_t> seen;
  bool ordered = true;
  int64_t previous = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const int64_t* value = values[i].if_int64();
    if (value == nullptr) continue;
    At here = at.child("values", i);
    if (in && *value == 0) errors.invalid(here, "", *value, "must not be 0 for the In operator");
    if (!seen.insert(*value).second) errors.duplicate(here, "", *value);
    ordered = ordered && (i == 0 || previous <= *value);
    previous = *value;
  }
  if (!ordered) errors.invalid(at, "values", values, "must be ordered");
}

void check_exit_codes(const JsonObject& codes, const std::set<std::string_view>& containers, const At& at,
                      Errors& errors) {
  const std::string_view op = get_text(codes, "operator");
  if (op.empty()) {
    errors.required(at, "operator", R"(valid values: ["In" "NotIn"])");
  } else if (op != "In" && op != "NotIn") {
    errors.not_supported(at, "operator", op, {"In", "NotIn"});
  }
  const Json* container = get(codes, "containerName");
  if (container != nullptr && !containers.contains(get_text(codes, "containerName"))) {
    errors.invalid(at, "containerName", *container,
                   "must be one of the container or initContainer names in the pod template");
  }
  check_values(codes, op == "In", at, errors);
}

void check_failure_rule(const JsonObject& rule, bool per_index, const std::set<std::string_view>& containers,
                        const At& at, Errors& errors) {
  const std::string_view action = get_text(rule, "action");
  if (action.empty()) {
    errors.required(at, "action", R"(valid values: ["Count" "FailIndex" "FailJob" "Ignore"])");
  } else if (action == "FailIndex") {
    if (!per_index) errors.invalid(at, "action", Json(action), "requires the backoffLimitPerIndex to be set");
  } else if (action != "Count" && action != "FailJob" && action != "Ignore") {
    errors.not_supported(at, "action", action, {"Count", "FailIndex", "FailJob", "Ignore"});
  }
  const JsonObject* codes = get_object(rule, "onExitCodes");
  const bool conditions = has_items(rule, "onPodConditions");
  if (codes != nullptr) check_exit_codes(*codes, containers, at.child("onExitCodes"), errors);
  if (conditions) check_patterns(rule, at, errors);
  if (codes != nullptr && conditions) {
    errors.invalid(at, "", "specifying both OnExitCodes and OnPodConditions is not supported");
  } else if (codes == nullptr && !conditions) {
    errors.invalid(at, "", "specifying one of OnExitCodes and OnPodConditions is required");
  }
}

void check_failure_policy(const JsonObject& spec, const JsonObject& policy, const At& at, Errors& errors) {
  const JsonArray* rules = get_array(policy, "rules");
  if (rules != nullptr && rules->size() > kMostRules) errors.too_many(at, "rules", rules->size(), kMostRules);
  std::set<std::string_view> containers;
  const JsonObject& pod = object_at(object_at(spec, "template"), "spec");
  for (std::string_view list : {"containers", "initContainers"}) {
    each(pod, list, [&](const JsonObject& container) { containers.insert(get_text(container, "name")); });
  }
  const bool per_index = get(spec, "backoffLimitPerIndex") != nullptr;
  size_t i = 0;
  each(policy, "rules", [&](const JsonObject& rule) {
    check_failure_rule(rule, per_index, containers, at.child("rules", i++), errors);
  });
}

void check_success_rule(const JsonObject& rule, int64_t completions, const At& at, Errors& errors) {
  const Json* list = get(rule, "succeededIndexes");
  const Json* count = get(rule, "succeededCount");
  if (list == nullptr && count == nullptr) {
    errors.required(at, "", "at least one of succeededCount or succeededIndexes must be specified");
  }
  int64_t total = 0;
  if (list != nullptr) {
    const std::string_view text = get_text(rule, "succeededIndexes");
    if (text.size() > kLongestIndexes) errors.too_long(at, "succeededIndexes", kLongestIndexes);
    const auto counted = count_indexes(text, completions);
    if (counted) total = *counted;
    if (!counted) {
      errors.invalid(at, "succeededIndexes", *list, "error parsing succeededIndexes: " + counted.error().message());
    }
  }
  const int64_t number = get_number(rule, "succeededCount");
  if (count != nullptr && number > completions) {
    errors.invalid(
        at, "succeededCount", number,
        "must be less than or equal to " + std::to_string(completions) + " (the number of specified completions)");
  }
  if (count != nullptr && list != nullptr && number > total) {
    errors.invalid(at, "succeededCount", number,
                   "must be less than or equal to " + std::to_string(total) +
                       " (the number of indexes in the specified succeededIndexes field)");
  }
}

void check_success_policy(const JsonObject& spec, const JsonObject& policy, const At& at, Errors& errors) {
  const JsonArray* rules = get_array(policy, "rules");
  if (rules == nullptr || rules->empty()) {
    errors.required(at, "rules", "at least one rules must be specified when the successPolicy is specified");
  } else if (rules->size() > kMostRules) {
    errors.too_many(at, "rules", rules->size(), kMostRules);
  }
  const int64_t completions = get_number(spec, "completions");
  size_t i = 0;
  each(policy, "rules",
       [&](const JsonObject& rule) { check_success_rule(rule, completions, at.child("rules", i++), errors); });
}

}  // namespace

void check_job_policies(const JsonObject& spec, const At& at, Errors& errors) {
  if (const JsonObject* policy = get_object(spec, "podFailurePolicy")) {
    check_failure_policy(spec, *policy, at.child("podFailurePolicy"), errors);
  }
  const JsonObject* policy = get_object(spec, "successPolicy");
  if (policy == nullptr) return;
  if (!is_indexed(spec)) return errors.invalid(at, "successPolicy", *policy, "requires indexed completion mode");
  check_success_policy(spec, *policy, at.child("successPolicy"), errors);
}

}  // namespace gantry::kinds
