// What of FlowSchemas are many rules: who asks for what. Pure functions, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// One of a schema's rules, with its subjects.
void check_flow_rule(const JsonObject& rule, const At& at, Errors& errors);

}  // namespace gantry::kinds
