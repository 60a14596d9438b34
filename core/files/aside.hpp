// A copy of a file beside it, for who is about to write another in its place. Blocks on the disk; no state.
#pragma once

#include <string>

#include "gantry/status.hpp"

namespace gantry::files {

// What is at `path` is at `aside` too from now on, instead of whatever was there; at no moment is either name without a
// file that had one. A second name of the same file, where the file system has such, else a copy for its owner alone:
// `path` is to be replaced by rename(2) then, not written to.
Status keep_aside(const std::string& path, const std::string& aside);

}  // namespace gantry::files
