// Volumes that are a folder of files: what kinds of them share. Blocks on the disk. [worker]
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "core/node/volumes/safe_path.hpp"
#include "core/node/volumes/volume_kind.hpp"

namespace gantry::node {

// The mode of files whose source says nothing of it.
template <typename Source>
int32_t default_mode(const Source& source) {
  return source.has_default_mode() ? source.default_mode() : 0644;
}

// The entries of an object, chosen and renamed by `items`. A key that is missing, and not optional, is told of with
// `missing` before it.
struct Entries {
  std::map<std::string, std::string> content;
  std::string_view missing;
};
template <typename Source>
Status add_entries(ProjectedFiles& files, const Entries& entries, const Source& source, int32_t mode) {
  if (source.items().empty()) {
    for (const auto& [key, content] : entries.content) files[key] = {content, static_cast<mode_t>(mode)};
    return {};
  }
  for (const auto& item : source.items()) {
    const auto it = entries.content.find(item.key());
    if (it != entries.content.end()) {
      files[item.path()] = {it->second, static_cast<mode_t>(item.has_mode() ? item.mode() : mode)};
    } else if (!source.optional()) {
      return Status::not_found(std::string(entries.missing) + item.key());
    }
  }
  return {};
}

// Shows these files in the volume's folder, all at once; in memory when they are secret, where that is to be had.
Status show_files(const VolumeSetUp& task, ProjectedFiles files, bool secret);

// The group that owns what is in the pod's volumes, when it has one.
std::optional<gid_t> fs_group(const corev1::Pod& pod);
Status make_dirs(const std::filesystem::path& dir);
Status mount_tmpfs(const std::filesystem::path& dir, const std::string& options);
// Open to every user of the pod, or to its group as well when the pod has one.
Status open_to_pod(const std::filesystem::path& dir, std::optional<gid_t> group);

}  // namespace gantry::node
