// Inside of extensions: what is checked once the tree stands. Pure functions, any thread.
#pragma once

#include "core/schema/schema.hpp"

namespace gantry::schema {

// Columns, selectable fields, subresources and defaults name fields that are there, of types that fit.
Status check_kind_tree(const Kind& kind);

}  // namespace gantry::schema
