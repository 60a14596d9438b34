#include "core/node/volumes/volume_files.hpp"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace gantry::node {

std::optional<gid_t> fs_group(const corev1::Pod& pod) {
  const auto& context = pod.spec().security_context();
  if (!context.has_fs_group()) return std::nullopt;
  return static_cast<gid_t>(context.fs_group());
}

Status mount_tmpfs(const std::filesystem::path& dir, const std::string& options) {
  if (::mount("tmpfs", dir.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) == 0) return {};
  return failed_with_errno("mounting tmpfs on " + dir.string());
}

Status open_to_pod(const std::filesystem::path& dir, std::optional<gid_t> group) {
  if (group && ::chown(dir.c_str(), static_cast<uid_t>(-1), *group) != 0)
    return failed_with_errno("owner of " + dir.string());
  if (::chmod(dir.c_str(), group ? 02777 : 0777) != 0) return failed_with_errno("mode of " + dir.string());
  return {};
}

Status make_dirs(const std::filesystem::path& dir) {
  std::error_code error;
  std::filesystem::create_directories(dir, error);
  if (error) return Status::internal("mkdir " + dir.string() + ": " + error.message());
  return {};
}

Status show_files(const VolumeSetUp& task, ProjectedFiles files, bool secret) {
  const auto& dir = task.dir;
  if (auto made = make_dirs(dir); !made.ok()) return made;
  const auto group = fs_group(task.pod);
  if (secret && !is_mount_point(dir)) {
    // Where tmpfs is not to be had, a folder that only root can reach has to do.
    if (mount_tmpfs(dir, "mode=0777").ok()) ::chmod(dir.c_str(), 0777);
  }
  struct stat info {};
  if (::stat(dir.c_str(), &info) != 0) return failed_with_errno("looking at " + dir.string());
  const bool open = (info.st_mode & 0777) == 0777 && (!group || info.st_gid == *group);
  if (auto done = open ? Status() : open_to_pod(dir, group); !done.ok()) return done;
  if (group) {
    for (auto& [path, file] : files) file.mode |= 0440;
  }
  return write_projected_files(dir, files, group);
}

}  // namespace gantry::node
