// The functions of the plugin's interfaces that cross by the rules of their signatures, as the server calls them.
#pragma once

#include <string_view>

#include "core/isolation/payload.hpp"

namespace gantry::isolation {

// False: the payload is not a call of it, nothing was called.
using PluginVerb = bool (*)(const void* table, void* instance, std::string_view payload, Reply& reply);

// By its number in the table of interfaces; null for what is no such function.
PluginVerb plugin_verb(size_t member);

}  // namespace gantry::isolation
