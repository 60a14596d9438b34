#include "copy.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

namespace gantry::oci {
namespace {

constexpr int kDeepestCopy = 256;
constexpr size_t kMaxLinkBytes = 4u << 20;  // of names that are remembered for hard links
constexpr size_t kMaxAttributes = 1u << 16;

std::string through(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

std::array<struct timespec, 2> times_of(const struct stat& info) { return {info.st_atim, info.st_mtim}; }

Status copy_range(int from, int to, off_t at, off_t end) {
  std::array<char, 65536> chunk;
  while (at < end) {
    const auto n = ::pread(from, chunk.data(), std::min<size_t>(chunk.size(), static_cast<size_t>(end - at)), at);
    if (n < 0) return errno_status("copy");
    if (n == 0) return {};
    for (ssize_t done = 0; done < n;) {
      const auto written = ::pwrite(to, chunk.data() + done, static_cast<size_t>(n - done), at + done);
      if (written < 0) return errno_status("copy");
      done += written;
    }
    at += n;
  }
  return {};
}

// Holes stay holes.
Status copy_content(int from, int to, off_t size) {
  if (::ftruncate(to, size) < 0) return errno_status("copy");
  for (off_t at = 0; at < size;) {
    const auto data = ::lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return {};
    if (data < 0) return copy_range(from, to, at, size);
    const auto hole = ::lseek(from, data, SEEK_HOLE);
    const auto end = hole < 0 ? size : std::min<off_t>(hole, size);
    if (auto status = copy_range(from, to, data, end); !status.ok()) return status;
    at = std::max(end, data + 1);
  }
  return {};
}

Status spend(CopyBudget& budget, const struct stat& info) {
  const auto bytes = S_ISREG(info.st_mode) ? static_cast<uint64_t>(info.st_size) : 0;
  if (budget.entries == 0) return Status::too_large("too many files to copy");
  if (bytes > budget.bytes) return Status::too_large("too many bytes to copy");
  budget.entries--;
  budget.bytes -= bytes;
  return {};
}

Status make_node(int from, int to, const std::string& name, const struct stat& info) {
  if (S_ISREG(info.st_mode)) {
    const Fd in(::openat(from, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!in) return errno_status(name);
    const Fd out(::openat(to, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!out) return errno_status(name);
    return copy_content(in.get(), out.get(), info.st_size);
  }
  int done = 0;
  if (S_ISLNK(info.st_mode)) {
    std::array<char, 4097> target{};
    const auto n = ::readlinkat(from, name.c_str(), target.data(), target.size() - 1);
    done = n < 0 ? -1 : ::symlinkat(target.data(), to, name.c_str());
  } else {
    done = ::mknodat(to, name.c_str(), (info.st_mode & S_IFMT) | 0600, info.st_rdev);
  }
  return done < 0 ? errno_status(name) : Status();
}

// One walk: what files with several names were called first.
class Copier {
 public:
  Copier(CopyBudget& budget, int top) : budget_(budget), top_(top) {}

  Status folder(int from, int to, const std::string& path, int depth) {
    if (depth > kDeepestCopy) return Status::too_large("folders nest too deeply");
    const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(::openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)),
                                                   &::closedir);
    if (list == nullptr) return errno_status("copy");
    while (const auto* entry = ::readdir(list.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (auto status = this->entry(from, to, name, path + name, depth); !status.ok()) return status;
    }
    struct stat info {};
    if (::fstat(from, &info) < 0) return errno_status("copy");
    if (auto status = copy_attributes(from, to, info); !status.ok()) return status;
    ::futimens(to, times_of(info).data());
    return {};
  }

 private:
  Status entry(int from, int to, const std::string& name, const std::string& path, int depth) {
    struct stat info {};
    if (::fstatat(from, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) return errno_status(name);
    if (S_ISDIR(info.st_mode)) {
      if (auto status = spend(budget_, info); !status.ok()) return status;
      const Fd in(::openat(from, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!in || ::mkdirat(to, name.c_str(), 0700) < 0) return errno_status(name);
      const Fd out(::openat(to, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      return out ? folder(in.get(), out.get(), path + "/", depth + 1) : errno_status(name);
    }
    const auto key = std::pair(info.st_dev, info.st_ino);
    if (const auto first = first_.find(key); info.st_nlink > 1 && first != first_.end()) {
      if (::linkat(top_, first->second.c_str(), to, name.c_str(), 0) == 0) return {};
    }
    if (auto status = copy_node(from, to, name, budget_); !status.ok()) return status;
    // Beyond the bound, further names of a file are files of their own.
    if (info.st_nlink > 1 && (linked_ += path.size() + sizeof(key)) < kMaxLinkBytes) first_.emplace(key, path);
    return {};
  }

  CopyBudget& budget_;
  const int top_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_;
  size_t linked_ = 0;
};

}  // namespace

Status copy_attributes(int from, int to, const struct stat& info) {
  if (::fchownat(to, "", info.st_uid, info.st_gid, AT_EMPTY_PATH) < 0) return errno_status("copy the owner");
  if (S_ISLNK(info.st_mode)) return {};
  // After the owner: a change of owner clears the set-user-id bit, and capabilities.
  if (::chmod(through(to).c_str(), info.st_mode & 07777) < 0) return errno_status("copy the mode");
  std::vector<char> names(kMaxAttributes), value(kMaxAttributes);
  const auto size = ::listxattr(through(from).c_str(), names.data(), names.size());
  for (const char* name = names.data(); size > 0 && name < names.data() + size; name += std::strlen(name) + 1) {
    const std::string_view text = name;
    if (text != "security.capability" && !text.starts_with("user.")) continue;
    const auto length = ::getxattr(through(from).c_str(), name, value.data(), value.size());
    if (length >= 0) ::setxattr(through(to).c_str(), name, value.data(), static_cast<size_t>(length), 0);
  }
  return {};
}

Status copy_node(int from, int to, const std::string& name, CopyBudget& budget) {
  const Fd source(::openat(from, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info {};
  if (!source || ::fstat(source.get(), &info) < 0) return errno_status(name);
  if (auto status = spend(budget, info); !status.ok()) return status;
  if (auto status = make_node(from, to, name, info); !status.ok()) return status;
  const Fd made(::openat(to, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!made) return errno_status(name);
  if (auto status = copy_attributes(source.get(), made.get(), info); !status.ok()) return status;
  ::utimensat(to, name.c_str(), times_of(info).data(), AT_SYMLINK_NOFOLLOW);
  return {};
}

Status copy_folder(int from, int to, CopyBudget& budget) { return Copier(budget, to).folder(from, to, "", 0); }

}  // namespace gantry::oci
