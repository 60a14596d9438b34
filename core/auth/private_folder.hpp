// Folders that nobody else may change: not they, nor any way that leads to them. Blocks on the disk; no state.
#pragma once

#include <filesystem>

#include "gantry/status.hpp"

namespace gantry::auth {

// The folder, every folder above it, and every link on the way must belong to root or to the caller's user, and none
// may be writable by others; sticky folders above it (/tmp) may. Else Forbidden, with the command that mends it. What
// was found holds afterwards, for nobody else could change it. Parts that are not there yet are no fault.
Status check_private_folder(const std::filesystem::path& folder);
// Makes it, and what is missing above, with mode 0700, and checks it before and after.
Status ensure_private_folder(const std::filesystem::path& folder);

}  // namespace gantry::auth
