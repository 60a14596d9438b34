// The gantry_host that the plugin sees in its process: tables that ask over the link.
#pragma once

#include <cstdint>

#include "core/isolation/child/link.hpp"
#include "core/isolation/child/tasks.hpp"
#include "gantry/abi/plugin.h"

namespace gantry::isolation {

// Behind gantry_host.context.
struct RemoteHost {
  Link& link;
  Tasks& tasks;
  uint32_t offered = 0;    // HostBits of the daemon's host
  uint8_t log_levels = 0;  // bit n: level n is kept
  gantry_host host{};

  RemoteHost(Link& to, Tasks& workers);
  RemoteHost(const RemoteHost&) = delete;
  RemoteHost& operator=(const RemoteHost&) = delete;
};

}  // namespace gantry::isolation
