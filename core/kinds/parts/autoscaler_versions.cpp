// HorizontalPodAutoscaler from v2 to v1 and back. v1 has one metric, the use of the CPU; what else v2 says is kept in
// annotations, with v1's flat form of a metric. A quantity that v2 does not give is left out there, where upstream
// writes the zero of its type: both read it the same, and so nothing is added on the way back.
#include <ctype.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <optional>
#include <span>

#include "core/kinds/parts/autoscaler.hpp"

namespace gantry::kinds {
namespace {

constexpr std::string_view kCurrentCpu = "currentCPUUtilizationPercentage";

// All that other versions put there.
constexpr std::array kAnnotations{kMetricsAnnotation,
                                  kBehaviorAnnotation,
                                  kCurrentMetricsAnnotation,
                                  kConditionsAnnotation,
                                  std::string_view("autoscaling.alpha.kubernetes.io/scale-down-tolerance"),
                                  std::string_view("autoscaling.alpha.kubernetes.io/scale-up-tolerance")};

// A member of a metric's source: what v1 calls it, the object of v2 that it is in (empty: the source), what v2 calls
// it.
struct Member {
  std::string_view source, v1, part, v2;
};
constexpr Member kTargets[] = {{"object", "target", "", "describedObject"},
                               {"object", "metricName", "metric", "name"},
                               {"object", "targetValue", "target", "value"},
                               {"object", "selector", "metric", "selector"},
                               {"object", "averageValue", "target", "averageValue"},
                               {"pods", "metricName", "metric", "name"},
                               {"pods", "targetAverageValue", "target", "averageValue"},
                               {"pods", "selector", "metric", "selector"},
                               {"resource", "name", "", "name"},
                               {"resource", "targetAverageUtilization", "target", "averageUtilization"},
                               {"resource", "targetAverageValue", "target", "averageValue"},
                               {"containerResource", "name", "", "name"},
                               {"containerResource", "targetAverageUtilization", "target", "averageUtilization"},
                               {"containerResource", "targetAverageValue", "target", "averageValue"},
                               {"containerResource", "container", "", "container"},
                               {"external", "metricName", "metric", "name"},
                               {"external", "metricSelector", "metric", "selector"},
                               {"external", "targetValue", "target", "value"},
                               {"external", "targetAverageValue", "target", "averageValue"}};
constexpr Member kCurrent[] = {{"object", "target", "", "describedObject"},
                               {"object", "metricName", "metric", "name"},
                               {"object", "currentValue", "current", "value"},
                               {"object", "selector", "metric", "selector"},
                               {"object", "averageValue", "current", "averageValue"},
                               {"pods", "metricName", "metric", "name"},
                               {"pods", "currentAverageValue", "current", "averageValue"},
                               {"pods", "selector", "metric", "selector"},
                               {"resource", "name", "", "name"},
                               {"resource", "currentAverageUtilization", "current", "averageUtilization"},
                               {"resource", "currentAverageValue", "current", "averageValue"},
                               {"containerResource", "name", "", "name"},
                               {"containerResource", "currentAverageUtilization", "current", "averageUtilization"},
                               {"containerResource", "currentAverageValue", "current", "averageValue"},
                               {"containerResource", "container", "", "container"},
                               {"external", "metricName", "metric", "name"},
                               {"external", "metricSelector", "metric", "selector"},
                               {"external", "currentValue", "current", "value"},
                               {"external", "currentAverageValue", "current", "averageValue"}};
using Members = std::span<const Member>;

JsonObject metric_to_v1(const JsonObject& metric, Members members) {
  JsonObject out{{"type", get_text(metric, "type")}};
  for (const Member& member : members) {
    const JsonObject* source = get_object(metric, member.source);
    if (source == nullptr) continue;
    JsonObject& there = ensure_object(out, member.source);
    const JsonObject* part = member.part.empty() ? source : get_object(*source, member.part);
    if (const Json* value = part != nullptr ? get(*part, member.v2) : nullptr) there[member.v1] = *value;
  }
  return out;
}

JsonObject metric_to_v2(const JsonObject& metric, Members members) {
  JsonObject out{{"type", get_text(metric, "type")}};
  for (const Member& member : members) {
    const JsonObject* source = get_object(metric, member.source);
    if (source == nullptr) continue;
    JsonObject& there = ensure_object(out, member.source);
    const Json* value = get(*source, member.v1);
    if (value == nullptr) continue;
    (member.part.empty() ? there : ensure_object(there, member.part))[member.v2] = *value;
  }
  return out;
}

// v1 leaves it to what is given.
void set_target_types(JsonObject& metric) {
  for (std::string_view key : {"object", "pods", "resource", "containerResource", "external"}) {
    JsonObject* source = get_object(metric, key);
    if (source == nullptr) continue;
    JsonObject& target = ensure_object(*source, "target");
    const bool average = get(target, "averageValue") != nullptr;
    // As upstream's clients write what is absent; as a value it would be refused.
    if (average && get_text(target, "value") == "0") target.erase("value");
    const bool by_value = key == "object" ? !average : get(target, "value") != nullptr;
    const bool by_use = get(target, "averageUtilization") != nullptr;
    target["type"] = by_use ? "Utilization" : by_value ? "Value" : "AverageValue";
  }
}

// The annotation has the names of upstream's Go fields: a behaviour's own, with a capital first letter.
Json with_initials(const Json& value, int (*change)(int)) {
  if (const auto* list = value.if_array()) {
    JsonArray out;
    for (const Json& item : *list) out.push_back(with_initials(item, change));
    return out;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return value;
  JsonObject out;
  for (const auto& [key, member] : *object) {
    std::string name(key);
    if (!name.empty()) name[0] = static_cast<char>(change(static_cast<unsigned char>(name[0])));
    if (!member.is_null()) out[name] = with_initials(member, change);
  }
  return out;
}
Json to_go(const Json& behavior) { return with_initials(behavior, ::toupper); }
Json from_go(const Json& behavior) { return with_initials(behavior, ::tolower); }

// The percentage, when a metric is the use of the CPU as one.
const Json* cpu_percent(const JsonObject& metric, std::string_view part) {
  const JsonObject* resource = get_text(metric, "type") == "Resource" ? get_object(metric, "resource") : nullptr;
  const bool is_cpu = resource != nullptr && get_text(*resource, "name") == "cpu";
  const JsonObject* values = is_cpu ? get_object(*resource, part) : nullptr;
  return values != nullptr ? get(*values, "averageUtilization") : nullptr;
}

void annotate(JsonObject& autoscaler, std::string_view key, const Json& value) {
  ensure_object(ensure_object(autoscaler, "metadata"), "annotations")[key] = boost::json::serialize(value);
}

void spec_to_v1(JsonObject& autoscaler, JsonObject& spec) {
  std::optional<Json> cpu;
  JsonArray others;
  each(spec, "metrics", [&](const JsonObject& metric) {
    const Json* percent = cpu_percent(metric, "target");
    if (percent != nullptr && !cpu) {
      cpu = *percent;
    } else {
      others.emplace_back(metric_to_v1(metric, kTargets));
    }
  });
  if (!others.empty()) annotate(autoscaler, kMetricsAnnotation, others);
  if (const Json* behavior = get(spec, "behavior")) annotate(autoscaler, kBehaviorAnnotation, to_go(*behavior));
  spec.erase("metrics");
  spec.erase("behavior");
  if (cpu) spec[kTargetCpu] = *cpu;
}

void status_to_v1(JsonObject& autoscaler, JsonObject& status) {
  std::optional<Json> cpu;
  JsonArray metrics;
  each(status, "currentMetrics", [&](const JsonObject& metric) {
    if (const Json* percent = cpu_percent(metric, "current")) cpu = *percent;
    metrics.emplace_back(metric_to_v1(metric, kCurrent));
  });
  if (!metrics.empty()) annotate(autoscaler, kCurrentMetricsAnnotation, metrics);
  if (has_items(status, "conditions")) annotate(autoscaler, kConditionsAnnotation, *get(status, "conditions"));
  status.erase("currentMetrics");
  status.erase("conditions");
  if (cpu) status[kCurrentCpu] = *cpu;
}

void status_to_v2(const JsonObject& annotated, JsonObject& status) {
  const JsonObject there{{"currentMetrics", autoscaler_annotation(annotated, kCurrentMetricsAnnotation)},
                         {"conditions", autoscaler_annotation(annotated, kConditionsAnnotation)}};
  JsonArray metrics, conditions;
  each(there, "currentMetrics",
       [&](const JsonObject& metric) { metrics.emplace_back(metric_to_v2(metric, kCurrent)); });
  each(there, "conditions", [&](const JsonObject& condition) { conditions.emplace_back(condition); });
  const Json* percent = get(status, kCurrentCpu);
  if (metrics.empty() && percent != nullptr) {
    metrics.push_back(
        {{"type", "Resource"}, {"resource", {{"name", "cpu"}, {"current", {{"averageUtilization", *percent}}}}}});
  }
  if (!metrics.empty()) status["currentMetrics"] = std::move(metrics);
  if (!conditions.empty()) status["conditions"] = std::move(conditions);
  status.erase(kCurrentCpu);
}

}  // namespace

JsonObject cpu_target(const Json& percent) {
  return {{"type", "Resource"},
          {"resource", {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", percent}}}}}};
}

Json autoscaler_annotation(const JsonObject& autoscaler, std::string_view key) {
  const JsonObject* metadata = get_object(autoscaler, "metadata");
  const JsonObject* annotations = metadata != nullptr ? get_object(*metadata, "annotations") : nullptr;
  if (annotations == nullptr) return {};
  boost::system::error_code error;
  Json value = boost::json::parse(get_text(*annotations, key), error);
  return error ? Json() : value;
}

JsonArray annotated_metrics(const JsonObject& autoscaler) {
  JsonArray out;
  const JsonObject there{{"metrics", autoscaler_annotation(autoscaler, kMetricsAnnotation)}};
  each(there, "metrics", [&](const JsonObject& metric) {
    JsonObject converted = metric_to_v2(metric, kTargets);
    set_target_types(converted);
    out.push_back(std::move(converted));
  });
  return out;
}

void drop_autoscaler_annotations(JsonObject& autoscaler) {
  JsonObject* metadata = get_object(autoscaler, "metadata");
  JsonObject* annotations = metadata != nullptr ? get_object(*metadata, "annotations") : nullptr;
  if (annotations == nullptr) return;
  for (std::string_view key : kAnnotations) annotations->erase(key);
  if (annotations->empty()) metadata->erase("annotations");
}

void autoscaler_to_v1(JsonObject& autoscaler) {
  drop_autoscaler_annotations(autoscaler);
  ensure_object(autoscaler, "metadata");  // what follows moves no member
  if (JsonObject* spec = get_object(autoscaler, "spec")) spec_to_v1(autoscaler, *spec);
  if (JsonObject* status = get_object(autoscaler, "status")) status_to_v1(autoscaler, *status);
}

void autoscaler_to_v2(JsonObject& autoscaler) {
  JsonObject& spec = ensure_object(autoscaler, "spec");
  JsonArray metrics = annotated_metrics(autoscaler);
  if (const Json* percent = get(spec, kTargetCpu)) metrics.push_back(cpu_target(*percent));
  spec.erase(kTargetCpu);
  if (!metrics.empty()) spec["metrics"] = std::move(metrics);
  const Json behavior = autoscaler_annotation(autoscaler, kBehaviorAnnotation);
  if (behavior.is_object()) spec["behavior"] = from_go(behavior);
  status_to_v2(autoscaler, ensure_object(autoscaler, "status"));
  drop_autoscaler_annotations(autoscaler);
}

}  // namespace gantry::kinds
