// What the two versions of HorizontalPodAutoscaler share: the rules, the way from one to the other, cells. v2 is the
// one that is stored; what v1 has no field for is in annotations there. Pure functions, any thread.
#pragma once

#include "core/kinds/parts/cells.hpp"

namespace gantry::kinds {

// Of v1, each with JSON in it.
inline constexpr std::string_view kMetricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";
inline constexpr std::string_view kBehaviorAnnotation = "autoscaling.alpha.kubernetes.io/behavior";
inline constexpr std::string_view kCurrentMetricsAnnotation = "autoscaling.alpha.kubernetes.io/current-metrics";
inline constexpr std::string_view kConditionsAnnotation = "autoscaling.alpha.kubernetes.io/conditions";
inline constexpr std::string_view kTargetCpu = "targetCPUUtilizationPercentage";

// Percent of the CPU that is asked for, where no metric is given.
inline constexpr int64_t kDefaultCpu = 80;
// The metric (v2) of so many percent.
JsonObject cpu_target(const Json& percent);

// What an annotation of v1 holds; null: there is none, or no JSON in it.
Json autoscaler_annotation(const JsonObject& autoscaler, std::string_view key);
// The metrics in v1's annotation, as v2 has them.
JsonArray annotated_metrics(const JsonObject& autoscaler);
void drop_autoscaler_annotations(JsonObject& autoscaler);
void autoscaler_to_v1(JsonObject& autoscaler);
void autoscaler_to_v2(JsonObject& autoscaler);

// Of v2.
void check_autoscaler(const JsonObject& autoscaler, const JsonObject* old, Errors& errors);

// Of either version.
void autoscaler_reference(Row& row, std::string& out);
// Of v2.
void autoscaler_targets(Row& row, std::string& out);

}  // namespace gantry::kinds
