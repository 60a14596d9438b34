// Who could have put something at a path: folders, links and files of other users, or that others can write. Pure
// functions of the file system. [any-thread]
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::files {

enum class Missing : uint8_t { kRefused, kFine };

// Walks from the root to `path`, links resolved one by one: each folder and link on the way, and what is at the end,
// must belong to root or to this process's user, and be writable by its owner alone; else Forbidden, with the command
// that mends it. On the way a folder that others can write will do when it has the sticky bit (/tmp): nobody exchanges
// in it what is not his own. What was found holds afterwards, for nobody else could change it. `whose` is for
// sentences: "a plugin's file". Parts that are not there are NotFound, or no fault.
Status check_way(const std::filesystem::path& path, std::string_view whose, Missing missing = Missing::kRefused);

}  // namespace gantry::files
