// Folders that nobody else may change: not they, nor any way that leads to them. Blocks on the disk; no state.
#pragma once

#include <filesystem>

#include "gantry/status.hpp"

namespace gantry::files {

// The way to it (way.hpp). Parts that are not there yet are no fault.
Status check_private_folder(const std::filesystem::path& folder);
// Makes it, and what is missing above, with mode 0700, and checks it before and after.
Status ensure_private_folder(const std::filesystem::path& folder);

}  // namespace gantry::files
