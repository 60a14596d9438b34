// The gantry_host that the plugin sees in its process: tables that ask over the link.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/isolation/child/link.hpp"
#include "core/isolation/child/tasks.hpp"
#include "core/isolation/payload.hpp"
#include "gantry/abi/plugin.h"

namespace gantry::isolation {

// Behind gantry_host.context.
class RemoteHost {
 public:
  RemoteHost(Link& to, Tasks& workers);
  RemoteHost(const RemoteHost&) = delete;
  RemoteHost& operator=(const RemoteHost&) = delete;
  // Of the host interface at this place of the table of interfaces.
  const void* table(size_t interface) const { return tables_[interface].data(); }

  Link& link;
  Tasks& tasks;
  uint64_t offered = 0;    // bit n: the daemon's host has the n-th interface
  uint8_t log_levels = 0;  // bit n: level n is kept
  gantry_host host{};

 private:
  std::vector<std::vector<std::byte>> tables_;
};

inline RemoteHost& remote_host(const gantry_host* host) { return *static_cast<RemoteHost*>(host->context); }

// Asks the daemon and waits for its answer; 413 when it does not fit into a frame. `parts` as Link::call says.
Reply ask(const gantry_host* host, Op op, std::string_view payload, std::vector<std::string>* parts = nullptr);

}  // namespace gantry::isolation
