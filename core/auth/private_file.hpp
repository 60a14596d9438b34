// Files that are there whole or not at all, with their mode from the first moment. Blocks on the disk.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::auth {

// Temporary file beside it, fsync, rename, fsync of the directory.
Status write_file(const std::string& path, std::string_view content, mode_t mode);
// Empty when it does not exist or can't be read.
std::string read_file(const std::string& path);

}  // namespace gantry::auth
