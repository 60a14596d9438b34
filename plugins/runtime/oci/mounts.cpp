#include "mounts.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

namespace gantry::oci {
namespace {

// Mount points at or below a path, in the order they were made. /proc escapes blanks as octal.
std::vector<std::string> mount_points(const std::string& below) {
  std::vector<std::string> points;
  const auto text = read_file("/proc/self/mountinfo");
  if (!text) return points;
  std::istringstream lines(*text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string word, point;
    words >> word >> word >> word >> word >> point;
    std::string plain;
    for (size_t i = 0; i < point.size(); i++) {
      if (point[i] == '\\' && i + 3 < point.size()) {
        plain += static_cast<char>(std::stoi(point.substr(i + 1, 3), nullptr, 8));
        i += 3;
      } else {
        plain += point[i];
      }
    }
    if (plain == below || plain.starts_with(below + "/")) points.push_back(plain);
  }
  return points;
}

Status set_layers(int context, const std::vector<fs::path>& layers, const fs::path& upper, const fs::path& work) {
  for (auto it = layers.rbegin(); it != layers.rend(); ++it) {
    if (::fsconfig(context, FSCONFIG_SET_STRING, "lowerdir+", it->c_str(), 0) < 0)
      return errno_status("overlay lowerdir");
  }
  if (::fsconfig(context, FSCONFIG_SET_STRING, "upperdir", upper.c_str(), 0) < 0 ||
      ::fsconfig(context, FSCONFIG_SET_STRING, "workdir", work.c_str(), 0) < 0 ||
      ::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) < 0) {
    return errno_status("overlay");
  }
  return {};
}

// One option a layer: no limit of one page for all their paths. Linux 6.8 and newer.
Status mount_overlay_layerwise(const std::vector<fs::path>& layers, const fs::path& upper, const fs::path& work,
                               const fs::path& at) {
  const Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
  if (!context) return errno_status("overlay");
  if (auto status = set_layers(context.get(), layers, upper, work); !status.ok()) return status;
  const Fd mounted(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!mounted || ::move_mount(mounted.get(), "", AT_FDCWD, at.c_str(), MOVE_MOUNT_F_EMPTY_PATH) < 0) {
    return errno_status("mount overlay at " + at.string());
  }
  return {};
}

}  // namespace

bool is_mount(const fs::path& path) {
  const auto points = mount_points(path.string());
  return std::find(points.begin(), points.end(), path.string()) != points.end();
}

Status mount_overlay(const std::vector<fs::path>& layers, const fs::path& upper, const fs::path& work,
                     const fs::path& at) {
  if (mount_overlay_layerwise(layers, upper, work, at).ok()) return {};
  std::string options = "lowerdir=";
  for (auto it = layers.rbegin(); it != layers.rend(); ++it) {
    if (it != layers.rbegin()) options += ':';
    options += it->string();
  }
  options += ",upperdir=" + upper.string() + ",workdir=" + work.string();
  if (options.size() > 4095) return Status::internal("the image has too many layers for this kernel's overlayfs");
  if (::mount("overlay", at.c_str(), "overlay", 0, options.c_str()) < 0) {
    return errno_status("mount overlay at " + at.string());
  }
  return {};
}

Status mount_tmpfs(const fs::path& at, const std::string& options) {
  if (::mount("shm", at.c_str(), "tmpfs", MS_NOEXEC | MS_NOSUID | MS_NODEV, options.c_str()) < 0) {
    return errno_status("mount tmpfs at " + at.string());
  }
  return {};
}

Status unmount(const fs::path& at) {
  while (::umount2(at.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
  }
  if (errno != EINVAL && errno != ENOENT) return errno_status("unmount " + at.string());
  return {};
}

Status unmount_below(const fs::path& folder) {
  auto points = mount_points(folder.string());
  for (auto it = points.rbegin(); it != points.rend(); ++it) {
    if (auto status = unmount(*it); !status.ok()) return status;
  }
  return {};
}

}  // namespace gantry::oci
