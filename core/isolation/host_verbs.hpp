// The functions of host interfaces that cross by the rules of their signatures, as the bridge to the host calls them.
#pragma once

#include <string_view>

#include "core/isolation/payload.hpp"
#include "gantry/abi/plugin.h"

namespace gantry::isolation {

struct HostVerb {
  // False: the payload is not a call of it, nothing was called.
  bool (*run)(const void* table, const gantry_host* host, std::string_view payload, Reply& reply) = nullptr;
  bool answers = false;  // the plugin waits for its end
  bool blocks = false;   // it may wait for others
};

// By its number in the table of interfaces; null for what is no such function.
const HostVerb* host_verb(size_t member);

}  // namespace gantry::isolation
