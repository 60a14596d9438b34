// Inside of validation: the parts of a container's rules. Pure functions, any thread.
#pragma once

#include "core/kinds/parts/pod_rules.hpp"

namespace gantry::kinds {

// env and envFrom of a container at `at`.
void check_environment(const JsonObject& container, const At& at, Errors& errors);
// limits and requests; `at` is the resources object.
void check_resources(const JsonObject& resources, const At& at, Errors& errors);
// Claims name what the pod has claimed.
void check_claims(const std::set<std::string_view>& known, const JsonObject& resources, const At& at, Errors& errors);

}  // namespace gantry::kinds
