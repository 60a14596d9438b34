// All that is special about the built-in kinds: the table that schema::Schema::builtin binds. Constant, any thread.
#pragma once

#include "core/schema/tree/behavior.hpp"

namespace gantry::kinds {

schema::Behaviors all();

}  // namespace gantry::kinds
