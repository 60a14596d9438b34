// What may be opened where a file is expected. [any-thread]
#pragma once

#include <string>

#include "gantry/status.hpp"

namespace gantry::files {

// A sentence when something else than a regular file is there: to open a FIFO would be to wait for its other end, and
// opening a device may do things. Ok also when nothing is there, or it can't be looked at: that says the opening.
Status regular_if_there(const std::string& path);

}  // namespace gantry::files
