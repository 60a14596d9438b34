// Paths that a pod chooses inside folders that it may write to: opened without ever leaving the folder; and removal of
// a folder tree without following a link or a mount out of it.
//
// Called by Volumes. Stateless; blocks on the disk. [worker]
#pragma once

#include <filesystem>
#include <string>

#include "core/files/unique_fd.hpp"
#include "gantry/status.hpp"

namespace gantry::node {

// "what: No such file or directory", by errno.
Status failed_with_errno(const std::string& what);

// An O_PATH descriptor of `below` inside `root`; links are followed as long as they stay inside. Missing folders are
// made with the root's mode.
Expected<io::UniqueFd> open_below(const std::filesystem::path& root, const std::string& below);

// Binds what `fd` names to `target` (made here, a file or a folder as fd is). Nothing happens when it is bound already.
Status bind_to(const io::UniqueFd& fd, const std::filesystem::path& target);

// Whether something is mounted on exactly this path.
bool is_mount_point(const std::filesystem::path& path);
// Unmounts all that is mounted at or below dir, the deepest first.
Status unmount_below(const std::filesystem::path& dir);
// Removes dir and all in it, staying on its file system; a missing one is fine.
Status remove_tree(const std::filesystem::path& dir);

}  // namespace gantry::node
