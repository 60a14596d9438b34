// Who could have put something at a path: folders, links and files of other users, or that others can write. Pure
// functions of the file system. [any-thread]
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::plugin {

// Walks from the root to `path`, links resolved one by one: each folder and link on the way, and what is at the end,
// must belong to root or to this process's user, and be writable by its owner alone. On the way a folder that others
// can write will do when it has the sticky bit (/tmp): nobody exchanges in it what is not his own. `whose` is for
// sentences: "a plugin's file".
Status check_way(const std::filesystem::path& path, std::string_view whose);

// "WHAT: No such file or directory", with the code that fits: 404, 403, 503 when it may do later (no descriptors, no
// memory, no room), else 500.
Status status_of_errno(const std::string& what, int error);

}  // namespace gantry::plugin
