// Whether a file is a whole ELF shared object for this machine, before the dynamic loader maps it: a truncated one
// would end the process with SIGBUS.
#pragma once

#include <filesystem>

#include "gantry/status.hpp"

namespace gantry::plugin {

// The message has no file name.
Status check_elf(const std::filesystem::path& image);

}  // namespace gantry::plugin
