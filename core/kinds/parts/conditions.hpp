// Rules of conditions, above all in the form that newer kinds share (meta/v1 Condition). Pure functions, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// Types of a status' conditions, of whatever form: each has one, no two the same. `missing`: what is said of none.
void check_condition_types(const JsonObject& status, std::string_view missing, const At& at, Errors& errors);
// Those of a status at `at`.
void check_conditions(const JsonObject& status, const At& at, Errors& errors);

}  // namespace gantry::kinds
