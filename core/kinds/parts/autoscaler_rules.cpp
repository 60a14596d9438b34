// Owns the rules of HorizontalPodAutoscalers: bounds, what is scaled, metrics, how fast. Pure functions, any thread.
#include <algorithm>
#include <vector>

#include "core/kinds/parts/autoscaler.hpp"
#include "core/kinds/parts/pod_container_rules.hpp"
#include "core/kinds/parts/resource_names.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds {
namespace {

constexpr int64_t kLongestPeriod = 1800, kLongestWindow = 3600;  // seconds

// How a reference's apiVersion may be.
enum class Group : uint8_t { kNeeded, kMayBeEmpty, kUnchecked };

std::string_view version_problem(std::string_view version, Group group) {
  if (group == Group::kUnchecked) return {};
  if (std::count(version.begin(), version.end(), '/') > 1) return "unexpected GroupVersion string: ";
  const size_t slash = version.find('/');
  const bool empty = slash == std::string_view::npos || slash == 0;
  return empty && group == Group::kNeeded ? "apiVersion must specify API group" : std::string_view();
}

void check_reference(const JsonObject& reference, Group group, const At& at, Errors& errors) {
  for (std::string_view key : {"kind", "name"}) {
    const std::string_view text = get_text(reference, key);
    if (text.empty()) {
      errors.required(at, key);
    } else {
      errors.format(at, key, "path-segment", text);
    }
  }
  const std::string_view version = get_text(reference, "apiVersion");
  std::string problem(version_problem(version, group));
  if (problem.ends_with(": ")) problem += version;
  if (!problem.empty()) errors.invalid(at, "apiVersion", Json(version), problem);
}

void check_identifier(const JsonObject& metric, const At& at, Errors& errors) {
  const std::string_view name = get_text(metric, "name");
  if (name.empty()) return errors.required(at, "name", "must specify a metric name");
  errors.format(at, "name", "path-segment", name);
}

void check_target(const JsonObject& target, const At& at, Errors& errors) {
  const std::string_view type = get_text(target, "type");
  if (type.empty()) errors.required(at, "type", "must specify a metric target type");
  if (type != "Utilization" && type != "Value" && type != "AverageValue") {
    errors.invalid(at, "type", Json(type), "must be either Utilization, Value, or AverageValue");
  }
  for (std::string_view key : {"value", "averageValue"}) {
    const Json* value = get(target, key);
    const auto quantity = value != nullptr ? schema::Quantity::parse(get_text(target, key)) : schema::Quantity();
    if (value == nullptr || !quantity) continue;
    if (quantity->zero() || quantity->negative()) errors.invalid(at, key, *value, "must be positive");
  }
  const Json* use = get(target, "averageUtilization");
  if (use != nullptr && get_number(target, "averageUtilization") < 1) {
    errors.invalid(at, "averageUtilization", *use, "must be greater than 0");
  }
}

// Of several ways to say where a metric should be, `one` and averageValue, the first may be the only one.
void check_one_of(const JsonObject& target, std::string_view one, const At& at, std::string_view missing,
                  std::string_view both_at, std::string_view both, Errors& errors) {
  const bool first = get(target, one) != nullptr, average = get(target, "averageValue") != nullptr;
  if (!first && !average) errors.required(at, one == "value" ? std::string_view("averageValue") : one, missing);
  if (first && average && !both.empty()) errors.forbidden(at, both_at, both);
}

void check_object(const JsonObject& source, Group group, const At& at, Errors& errors) {
  check_reference(object_at(source, "describedObject"), group, at.child("describedObject"), errors);
  check_identifier(object_at(source, "metric"), at.child("metric"), errors);
  const JsonObject& target = object_at(source, "target");
  check_target(target, at.child("target"), errors);
  check_one_of(target, "value", at.child("target"), "must set either a target value or averageValue", {}, {}, errors);
}

void check_external(const JsonObject& source, Group, const At& at, Errors& errors) {
  check_identifier(object_at(source, "metric"), at.child("metric"), errors);
  const JsonObject& target = object_at(source, "target");
  check_target(target, at.child("target"), errors);
  check_one_of(target, "value", at.child("target"), "must set either a target value for metric or a per-pod target",
               "value", "may not set both a target value for metric and a per-pod target", errors);
}

void check_pods(const JsonObject& source, Group, const At& at, Errors& errors) {
  check_identifier(object_at(source, "metric"), at.child("metric"), errors);
  const JsonObject& target = object_at(source, "target");
  At here = at.child("target");
  check_target(target, here, errors);
  if (get(target, "averageValue") == nullptr) {
    errors.required(here, "averageValue", "must specify a positive target averageValue");
  }
}

void check_use(const JsonObject& source, const At& at, Errors& errors) {
  const JsonObject& target = object_at(source, "target");
  check_target(target, at.child("target"), errors);
  check_one_of(target, "averageUtilization", at.child("target"),
               "must set either a target raw value or a target utilization", "averageValue",
               "may not set both a target raw value and a target utilization", errors);
}

void check_resource(const JsonObject& source, Group, const At& at, Errors& errors) {
  if (get_text(source, "name").empty()) errors.required(at, "name", "must specify a resource name");
  check_use(source, at, errors);
}

void check_container_resource(const JsonObject& source, Group, const At& at, Errors& errors) {
  const std::string_view name = get_text(source, "name"), container = get_text(source, "container");
  if (name.empty()) {
    errors.required(at, "name", "must specify a resource name");
  } else {
    check_resource_name(name, at.child("name"), errors);
  }
  if (container.empty()) {
    errors.required(at, "container", "must specify a container");
  } else {
    errors.format(at, "container", "dns1123-label", container);
  }
  check_use(source, at, errors);
}

struct Source {
  std::string_view type, key;
  void (*check)(const JsonObject& source, Group group, const At& at, Errors& errors);
};
// In the order in which they are looked at.
constexpr Source kSources[] = {{"Object", "object", check_object},
                               {"External", "external", check_external},
                               {"Pods", "pods", check_pods},
                               {"Resource", "resource", check_resource},
                               {"ContainerResource", "containerResource", check_container_resource}};

void check_metric(const JsonObject& metric, Group group, const At& at, Errors& errors) {
  const std::string_view type = get_text(metric, "type");
  if (type.empty()) errors.required(at, "type", "must specify a metric source type");
  const auto* const wanted =
      std::find_if(std::begin(kSources), std::end(kSources), [&](const Source& s) { return s.type == type; });
  if (wanted == std::end(kSources)) {
    errors.not_supported(at, "type", type, {"ContainerResource", "External", "Object", "Pods", "Resource"});
  }
  std::vector<std::string_view> present;
  for (const Source& source : kSources) {
    const JsonObject* found = get_object(metric, source.key);
    if (found == nullptr) continue;
    present.push_back(source.key);
    if (present.size() == 1) source.check(*found, group, at.child(source.key), errors);
  }
  const std::string_view expected = wanted != std::end(kSources) ? wanted->key : std::string_view();
  if (!expected.empty() && get_object(metric, expected) == nullptr) {
    errors.required(at, expected, "must populate information for the given metric source");
  }
  if (present.size() < 2) return;
  for (std::string_view key : present) {
    if (key != expected) errors.forbidden(at, key, "must populate the given metric source only");
  }
}

// Objects that are described already may be as they are.
Group group_of_objects(const JsonObject* old) {
  Group group = Group::kMayBeEmpty;
  if (old == nullptr) return group;
  each(*old, "metrics", [&](const JsonObject& metric) {
    const JsonObject& described = object_at(object_at(metric, "object"), "describedObject");
    if (!version_problem(get_text(described, "apiVersion"), Group::kMayBeEmpty).empty()) group = Group::kUnchecked;
  });
  return group;
}

void check_metrics(const JsonObject& spec, const JsonObject* old, const At& at, Errors& errors) {
  const Group group = group_of_objects(old);
  bool for_zero = false;
  size_t i = 0;
  each(spec, "metrics", [&](const JsonObject& metric) {
    check_metric(metric, group, at.child("metrics", i++), errors);
    const std::string_view type = get_text(metric, "type");
    for_zero = for_zero || type == "Object" || type == "External";
  });
  if (get_number(spec, "minReplicas", 1) == 0 && !for_zero) {
    errors.forbidden(at, "metrics",
                     "must specify at least one Object or External metric to support scaling to zero replicas");
  }
}

void check_policy(const JsonObject& policy, const At& at, Errors& errors) {
  const std::string_view type = get_text(policy, "type");
  if (type != "Pods" && type != "Percent") errors.not_supported(at, "type", type, {"Percent", "Pods"});
  for (std::string_view key : {"value", "periodSeconds"}) {
    const int64_t number = get_number(policy, key);
    if (number <= 0) errors.invalid(at, key, number, "must be greater than zero");
  }
  const int64_t period = get_number(policy, "periodSeconds");
  if (period > kLongestPeriod) {
    errors.invalid(at, "periodSeconds", period, "must be less than or equal to " + std::to_string(kLongestPeriod));
  }
}

void check_rules(const JsonObject& rules, const At& at, Errors& errors) {
  const int64_t window = get_number(rules, "stabilizationWindowSeconds");
  if (window < 0) errors.invalid(at, "stabilizationWindowSeconds", window, "must be greater than or equal to zero");
  if (window > kLongestWindow) {
    errors.invalid(at, "stabilizationWindowSeconds", window,
                   "must be less than or equal to " + std::to_string(kLongestWindow));
  }
  const std::string_view select = get_text(rules, "selectPolicy");
  if (get(rules, "selectPolicy") != nullptr && select != "Max" && select != "Min" && select != "Disabled") {
    errors.not_supported(at, "selectPolicy", select, {"Disabled", "Max", "Min"});
  }
  if (!has_items(rules, "policies")) errors.required(at, "policies", "must specify at least one Policy");
  size_t i = 0;
  each(rules, "policies", [&](const JsonObject& policy) { check_policy(policy, at.child("policies", i++), errors); });
  const std::string_view tolerance = get_text(rules, "tolerance");
  if (!tolerance.empty()) errors.format(at, "tolerance", "quantity-nonnegative", tolerance);
}

void check_spec(const JsonObject& spec, const JsonObject* old, const At& at, Errors& errors) {
  const Json* min = get(spec, "minReplicas");
  const int64_t least = old != nullptr && get_number(*old, "minReplicas", 1) == 0 ? 0 : 1;
  const int64_t low = get_number(spec, "minReplicas"), high = get_number(spec, "maxReplicas");
  if (min != nullptr && low < least) {
    errors.invalid(at, "minReplicas", low, "must be greater than or equal to " + std::to_string(least));
  }
  if (high < 1) errors.invalid(at, "maxReplicas", high, "must be greater than 0");
  if (min != nullptr && high < low) {
    errors.invalid(at, "maxReplicas", high, "must be greater than or equal to `minReplicas`");
  }
  const JsonObject& target = object_at(spec, "scaleTargetRef");
  Group group = get_text(target, "kind") == "ReplicationController" ? Group::kMayBeEmpty : Group::kNeeded;
  if (old != nullptr) {
    const JsonObject& before = object_at(*old, "scaleTargetRef");
    const auto same = [&](std::string_view key) { return get_text(target, key) == get_text(before, key); };
    if (same("apiVersion") && same("kind")) group = Group::kUnchecked;
  }
  check_reference(target, group, at.child("scaleTargetRef"), errors);
  check_metrics(spec, old, at, errors);
  const JsonObject* behavior = get_object(spec, "behavior");
  if (behavior == nullptr) return;
  At here = at.child("behavior");
  for (std::string_view key : {"scaleUp", "scaleDown"}) {
    if (const JsonObject* rules = get_object(*behavior, key)) check_rules(*rules, here.child(key), errors);
  }
}

}  // namespace

void check_autoscaler(const JsonObject& autoscaler, const JsonObject* old, Errors& errors) {
  At root;
  const JsonObject& spec = object_at(autoscaler, "spec");
  const JsonObject* before = old != nullptr ? &object_at(*old, "spec") : nullptr;
  if (before == nullptr || !same_json(spec, *before)) check_spec(spec, before, root.child("spec"), errors);
  if (old == nullptr) return;
  At at = root.child("status");
  for (std::string_view key : {"currentReplicas", "desiredReplicas"}) {
    const int64_t number = get_number(object_at(autoscaler, "status"), key);
    if (number < 0) errors.invalid(at, key, number, "must be greater than or equal to 0");
  }
}

}  // namespace gantry::kinds
