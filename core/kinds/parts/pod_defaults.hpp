// The conditional defaults of pod specs. Pure functions, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// Before the constants of the tree (which would hide what was absent), and after them.
void default_pod_spec_before(JsonObject& spec);
void default_pod_spec_after(JsonObject& spec);
// What a bare pod has and a pod template has not: requests from limits, and service links.
void default_pod(JsonObject& spec);

}  // namespace gantry::kinds
