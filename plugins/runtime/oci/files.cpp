#include "files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

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

namespace {

using List = std::unique_ptr<DIR, int (*)(DIR*)>;
List open_list(int folder, const char* name) {
  const int fd = ::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  List list(fd < 0 ? nullptr : ::fdopendir(fd), &::closedir);
  if (list == nullptr && fd >= 0) ::close(fd);
  return list;
}
const struct dirent* next_of(DIR* list) {
  const auto* entry = ::readdir(list);
  while (entry != nullptr && (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0))
    entry = ::readdir(list);
  return entry;
}

// True when it is gone, false for a folder that is not empty.
Expected<bool> remove_one(int folder, const char* name) {
  if (::unlinkat(folder, name, 0) == 0 || errno == ENOENT) return true;
  const int refused = errno;
  if (::unlinkat(folder, name, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
  if (errno == ENOTEMPTY || errno == EEXIST) return false;
  return errno_status(name, errno == ENOTDIR ? refused : errno);
}

Status move_up(int from, const char* name, int to, uint64_t& number) {
  for (;;) {
    const auto fresh = ".gone-" + std::to_string(number++);
    if (::renameat2(from, name, to, fresh.c_str(), RENAME_NOREPLACE) == 0) return {};
    if (errno != EEXIST) return errno_status(name);
  }
}

// Removes what is in a folder. Folders in its folders first become its own, so that two descriptors do for any depth:
// a container may nest a million folders.
Status empty_folder(DIR* top) {
  uint64_t number = 0;
  for (bool again = true; again;) {
    again = false;
    ::rewinddir(top);
    while (const auto* entry = next_of(top)) {
      const auto gone = remove_one(::dirfd(top), entry->d_name);
      if (!gone) return gone.error();
      if (*gone) continue;
      again = true;
      const auto inner = open_list(::dirfd(top), entry->d_name);
      if (inner == nullptr) return errno_status(entry->d_name);
      while (const auto* one = next_of(inner.get())) {
        const auto removed = remove_one(::dirfd(inner.get()), one->d_name);
        if (!removed) return removed.error();
        if (*removed) continue;
        if (auto status = move_up(::dirfd(inner.get()), one->d_name, ::dirfd(top), number); !status.ok()) return status;
      }
    }
  }
  return {};
}

}  // namespace

Status remove_tree(const fs::path& path) {
  const auto gone = remove_one(AT_FDCWD, path.c_str());
  if (gone && *gone) return {};
  if (!gone) return gone.error().code() == 404 ? Status() : Status(gone.error()).in("remove");
  const auto list = open_list(AT_FDCWD, path.c_str());
  if (list == nullptr) return errno == ENOENT ? Status() : errno_status("remove " + path.string());
  if (auto status = empty_folder(list.get()); !status.ok()) return std::move(status).in("remove " + path.string());
  if (::rmdir(path.c_str()) < 0 && errno != ENOENT) return errno_status("remove " + path.string());
  return {};
}

// One folder is open at a time, however deep they are.
Usage tree_usage(const fs::path& path) {
  struct Level {
    ino_t inode;
    long position;
  };
  Usage usage;
  std::vector<Level> above;
  struct stat info {};
  for (auto list = open_list(AT_FDCWD, path.c_str()); list != nullptr;) {
    if (const auto* entry = next_of(list.get())) {
      if (::fstatat(::dirfd(list.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0) continue;
      usage.bytes += static_cast<uint64_t>(info.st_blocks) * 512;
      usage.inodes++;
      auto inner = S_ISDIR(info.st_mode) ? open_list(::dirfd(list.get()), entry->d_name) : List(nullptr, &::closedir);
      if (inner == nullptr || ::fstat(::dirfd(list.get()), &info) < 0) continue;
      above.push_back({info.st_ino, ::telldir(list.get())});
      list = std::move(inner);
      continue;
    }
    if (above.empty()) break;
    list = open_list(::dirfd(list.get()), "..");
    // Moved elsewhere meanwhile: what was counted is all there is to say.
    if (list == nullptr || ::fstat(::dirfd(list.get()), &info) < 0 || info.st_ino != above.back().inode) break;
    ::seekdir(list.get(), above.back().position);
    above.pop_back();
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
