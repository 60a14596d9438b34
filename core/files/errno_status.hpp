// What the system says of a file, as a Status. [any-thread]
#pragma once

#include <string>

#include "gantry/status.hpp"

namespace gantry::files {

// "WHAT: No such file or directory", with the code that fits: 404, 403, 503 when it may do later (no descriptors, no
// memory, no room), else 500.
Status status_of_errno(const std::string& what, int error);

}  // namespace gantry::files
