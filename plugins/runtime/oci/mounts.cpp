#include "mounts.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <system_error>
#include <thread>

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

// overlayfs takes all its options in one page: the layers by short names, from a folder that a thread of its own is in.
Status mount_from(const fs::path& folder, const std::string& options, const fs::path& at) {
  Status status;
  const auto mount_there = [&] {
    if (::unshare(CLONE_FS) < 0 || ::chdir(folder.c_str()) < 0) {
      status = errno_status(folder.string());
    } else if (::mount("overlay", at.c_str(), "overlay", 0, options.c_str()) < 0) {
      status = errno_status("mount overlay at " + at.string());
    }
  };
  try {
    std::thread(mount_there).join();
  } catch (const std::system_error& error) {
    return Status::internal(std::string("mount overlay: ") + error.what());
  }
  return status;
}

}  // namespace

bool is_mount(const fs::path& path) {
  const auto points = mount_points(path.string());
  return std::find(points.begin(), points.end(), path.string()) != points.end();
}

Status mount_overlay(const std::vector<fs::path>& layers, const fs::path& upper, const fs::path& work,
                     const fs::path& at) {
  if (layers.size() > kMaxLayers) {
    return Status::bad_request("the image has " + std::to_string(layers.size()) + " layers; overlayfs takes at most " +
                               std::to_string(kMaxLayers));
  }
  const auto names = fs::path(at.string() + ".mount");
  if (auto status = remove_tree(names); !status.ok()) return status;
  if (auto status = make_dirs(names); !status.ok()) return status;
  std::vector<fs::path> all(layers.rbegin(), layers.rend());
  all.insert(all.end(), {upper, work});
  std::string options;
  for (size_t i = 0; i < all.size(); i++) {
    const auto name = std::to_string(i);
    if (::symlink(all[i].c_str(), (names / name).c_str()) < 0) return errno_status((names / name).string());
    const auto* before = i == 0               ? "lowerdir="
                         : i < layers.size()  ? ":"
                         : i == layers.size() ? ",upperdir="
                                              : ",workdir=";
    options += before + name;
  }
  auto status = mount_from(names, options, at);
  if (auto removed = remove_tree(names); status.ok()) status = removed;
  return status;
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
