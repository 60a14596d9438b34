// A folder of files that changes all at once: content lies in a dated folder, "..data" points to it, and the visible
// names point through "..data". A reader sees the old files or the new ones, never half of an update, crash or not.
//
// Called by Volumes for configMap, secret, downwardAPI and projected volumes. [worker], one call a folder at a time.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "gantry/status.hpp"

namespace gantry::node {

struct ProjectedFile {
  std::string content;
  mode_t mode = 0644;
};
// By path relative to the folder: "key", "sub/key".
using ProjectedFiles = std::map<std::string, ProjectedFile>;

// Nothing happens when the folder shows these files already. `group` owns files and folders when given (fsGroup).
Status write_projected_files(const std::filesystem::path& dir, const ProjectedFiles& files, std::optional<gid_t> group);

}  // namespace gantry::node
