// For tests of HorizontalPodAutoscalers: patches of one that is good, in either version.
#pragma once

#include "core/kinds/kinds_testing.hpp"

namespace gantry::kinds {

inline const Kind& v1() { return kind("autoscaling", "HorizontalPodAutoscaler", "v1"); }
inline const Kind& v2() { return kind("autoscaling", "HorizontalPodAutoscaler", "v2"); }

inline constexpr std::string_view kGood = R"({"metadata":{"name":"a","namespace":"default"},"spec":{"maxReplicas":5,
  "scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"}}})";

inline Json scaler(const Kind& version, std::string_view patch) { return made(version, kGood, patch); }
// What is wrong with an update from one patch to another.
inline Problems on_update(const Kind& version, std::string_view before, std::string_view after) {
  const Json old = scaler(version, before);
  return lines(validate(version, scaler(version, after), &old));
}

}  // namespace gantry::kinds
