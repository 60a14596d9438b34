// Rules of conditions in the form that all newer kinds share (meta/v1 Condition). Pure functions, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// Those of a status at `at`.
void check_conditions(const JsonObject& status, const At& at, Errors& errors);

}  // namespace gantry::kinds
