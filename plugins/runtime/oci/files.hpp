// Files, folders and descriptors as the oci plugin needs them: owned descriptors, atomic writes that survive a crash,
// and paths that can't be led astray by symlinks. No state; any thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "gantry/status.hpp"

namespace gantry::oci {

namespace fs = std::filesystem;

// Owns a descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset();

 private:
  int fd_ = -1;
};

// "WHAT: No such file or directory", with the code that suits errno.
Status errno_status(const std::string& what, int error);
Status errno_status(const std::string& what);

// 64 random hex digits: the id of a sandbox, a container, a temporary folder.
std::string random_id();

Expected<std::string> read_file(const fs::path& path, size_t limit = 64u << 20);
// All of the file or none of it, on the disk when it returns: temporary file, fsync, rename, fsync of the folder.
Status write_file_atomic(const fs::path& path, std::string_view content, int mode = 0600);
// Into an existing file (cgroup, /proc).
Status write_existing(const fs::path& path, std::string_view content);
Status make_dirs(const fs::path& path, int mode = 0700);
Status sync_dir(const fs::path& path);
// Renames a folder that is complete on disk into place, and makes that durable.
Status publish_dir(const fs::path& from, const fs::path& to);
// Removes a tree without following symlinks or entering mounts' files wrongly; what is gone is success.
Status remove_tree(const fs::path& path);
// Bytes and inodes below a folder.
struct Usage {
  uint64_t bytes = 0, inodes = 0;
};
Usage tree_usage(const fs::path& path);

// Opens `path` as if `root` were "/": symlinks and ".." can't leave it. Flags as for open.
Expected<Fd> open_in_root(const fs::path& root, const std::string& path, int flags);

}  // namespace gantry::oci
