// What a plugin's interface table must have before the host uses it. Pure function.
#pragma once

#include <string_view>

#include "gantry/status.hpp"

namespace gantry::plugin {

// Whether the host knows this interface at all ("gantry.controller/1").
bool known_interface(std::string_view id);

// Checks size and required functions of a table; ok for interfaces the host does not know (it will not call them).
Status check_interface(std::string_view id, const void* table);

}  // namespace gantry::plugin
