// What the plugin's process gives up before it loads the plugin. Main thread, before any other runs.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::isolation {

// Ends with the daemon, holds nothing of the daemon's but descriptors 0 to 4. False when the daemon is gone already.
bool leave_daemon(pid_t daemon);
// At most this much address space more than now; without memory, the process ends with a status that says so.
Status limit_address_space(uint64_t bytes);
// Refuses what no plugin needs with EPERM, but for `allowed`.
Status restrict_calls(const std::vector<std::string>& allowed);

}  // namespace gantry::isolation
