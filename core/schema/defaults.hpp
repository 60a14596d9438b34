// Inside of defaulting: the conditional defaults of pod specs. Any thread.
#pragma once

#include "core/schema/json_access.hpp"

namespace gantry::schema {

// Before the constants of the tree (which would hide what was absent), and after them.
void default_pod_spec_before(JsonObject& spec);
void default_pod_spec_after(JsonObject& spec);
// What a bare pod has and a pod template has not: requests from limits, and service links.
void default_pod(JsonObject& spec);

// Image references: "Always" for :latest or no tag at all, else "IfNotPresent".
std::string_view pull_policy_of(std::string_view image);

}  // namespace gantry::schema
