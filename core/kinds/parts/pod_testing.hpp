// For tests of the rules of pods: patches of one that is good, and what is wrong with them.
#pragma once

#include "core/kinds/kinds_testing.hpp"

namespace gantry::kinds {

inline constexpr std::string_view kPod =
    R"({"metadata":{"name":"p","namespace":"default"},"spec":{"containers":[{"name":"c","image":"nginx"}]}})";
inline Json pod(std::string_view patch) { return made(pod_kind(), kPod, patch); }
inline Problems pod_problems(std::string_view patch) { return lines(validate(pod_kind(), pod(patch))); }
// A pod of one container with these fields.
inline Problems container_problems(std::string_view fields, std::string_view spec = "") {
  return pod_problems(R"({"spec":{)" + std::string(spec) + R"("containers":[{"name":"c","image":"nginx",)" +
                      std::string(fields) + "}]}}");
}
inline Problems pod_update(std::string_view before, std::string_view after) {
  Json old = pod(before), next = pod(after);
  return lines(validate(pod_kind(), next, &old));
}

}  // namespace gantry::kinds
