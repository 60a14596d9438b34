#include "files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace gantry::oci {

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Status errno_status(const std::string& what, int error) {
  auto message = what + ": " + std::generic_category().message(error);
  if (error == ENOENT) return Status::not_found(std::move(message));
  if (error == ENOSPC || error == EDQUOT) return {507, "InsufficientStorage", std::move(message)};
  return Status::internal(std::move(message));
}
Status errno_status(const std::string& what) { return errno_status(what, errno); }

std::string random_id() {
  std::array<unsigned char, 32> bytes{};
  size_t have = 0;
  while (have < bytes.size()) {
    const auto n = ::getrandom(bytes.data() + have, bytes.size() - have, 0);
    if (n > 0) have += static_cast<size_t>(n);
  }
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const auto byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

Expected<std::string> read_file(const fs::path& path, size_t limit) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_status(path.string());
  std::string out;
  std::array<char, 16384> chunk;
  for (;;) {
    const auto n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_status(path.string());
    if (n == 0) return out;
    out.append(chunk.data(), static_cast<size_t>(n));
    if (out.size() > limit)
      return Status::too_large(path.string() + ": larger than " + std::to_string(limit) + " bytes");
  }
}

namespace {

Status write_all(int fd, std::string_view content, const fs::path& path) {
  while (!content.empty()) {
    const auto n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno_status("write " + path.string());
    content.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

}  // namespace

Status sync_dir(const fs::path& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) < 0) return errno_status("sync " + path.string());
  return {};
}

Status write_file_atomic(const fs::path& path, std::string_view content, int mode) {
  const auto temporary = path.string() + ".tmp-" + random_id().substr(0, 16);
  Status status;
  {
    const Fd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd) return errno_status("create " + temporary);
    status = write_all(fd.get(), content, path);
    if (status.ok() && ::fsync(fd.get()) < 0) status = errno_status("sync " + temporary);
  }
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) < 0) status = errno_status("rename to " + path.string());
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return sync_dir(path.parent_path());
}

Status write_existing(const fs::path& path, std::string_view content) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return errno_status(path.string());
  return write_all(fd.get(), content, path);
}

Status make_dirs(const fs::path& path, int mode) {
  std::error_code error;
  if (fs::is_directory(path, error)) return {};
  if (path.has_parent_path() && path.parent_path() != path) {
    if (auto status = make_dirs(path.parent_path(), 0755); !status.ok()) return status;
  }
  if (::mkdir(path.c_str(), static_cast<mode_t>(mode)) < 0 && errno != EEXIST)
    return errno_status("mkdir " + path.string());
  return {};
}

Status publish_dir(const fs::path& from, const fs::path& to) {
  const Fd fd(::open(from.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::syncfs(fd.get()) < 0) return errno_status("sync " + from.string());
  if (::rename(from.c_str(), to.c_str()) < 0) return errno_status("rename to " + to.string());
  return sync_dir(to.parent_path());
}

Status remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error && error != std::errc::no_such_file_or_directory)
    return errno_status("remove " + path.string(), error.value());
  return {};
}

Usage tree_usage(const fs::path& path) {
  Usage usage;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(path, fs::directory_options::skip_permission_denied, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    struct stat info {};
    if (::lstat(it->path().c_str(), &info) == 0) {
      usage.bytes += static_cast<uint64_t>(info.st_blocks) * 512;
      usage.inodes++;
    }
  }
  return usage;
}

Expected<Fd> open_in_root(const fs::path& root, const std::string& path, int flags) {
  const Fd base(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!base) return errno_status(root.string());
  struct open_how how {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const auto fd = ::syscall(SYS_openat2, base.get(), path.c_str(), &how, sizeof(how));
  if (fd < 0) return errno_status(path);
  return Fd(static_cast<int>(fd));
}

}  // namespace gantry::oci
