// Opens files that somebody else names. [any-thread]
#pragma once

#include <string>

#include "core/files/unique_fd.hpp"
#include "gantry/status.hpp"

namespace gantry::daemon {

// For reading. Only a regular file is opened at all: opening a FIFO would wait for its writer, and opening a device may
// do things.
Expected<io::UniqueFd> open_regular_file(const std::string& path);

}  // namespace gantry::daemon
