#include "core/store/ballast.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace gantry::store {
namespace {

constexpr int64_t kBlock = 4096;
constexpr int64_t kLeastShare = 16;  // less than one part of so many does not help

int open_file(const std::filesystem::path& file) {
  return ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

// Space that is really taken: a file of holes holds nothing back.
bool take(int fd, int64_t bytes) {
  if (::fallocate(fd, 0, 0, bytes) == 0) return true;
  if (errno != EOPNOTSUPP) return false;
  const std::vector<char> zeros(64 << 10);
  for (int64_t at = 0; at < bytes;) {
    const auto size = static_cast<size_t>(std::min<int64_t>(bytes - at, static_cast<int64_t>(zeros.size())));
    const ssize_t n = ::pwrite(fd, zeros.data(), size, at);
    if (n <= 0) return false;
    at += n;
  }
  return ::fsync(fd) == 0;
}

// Bytes held afterwards, 0: none. `share`: of what is free, it gets one part of so many.
int64_t fill_file(int fd, int64_t wanted, int64_t least, int64_t share) {
  struct stat info {};
  struct statvfs disk {};
  if (::fstat(fd, &info) != 0 || ::fstatvfs(fd, &disk) != 0) return 0;
  ::fchmod(fd, 0600);
  const int64_t held = std::min<int64_t>(info.st_blocks * 512, info.st_size);
  const auto available = static_cast<int64_t>(disk.f_bavail * disk.f_frsize) + held;
  const int64_t bytes = std::min(wanted, std::max(available / share, least)) / kBlock * kBlock;
  if (held >= bytes && held >= least) return held;
  if (bytes > available || bytes < std::max(least, kBlock)) return 0;
  if (::ftruncate(fd, 0) == 0 && take(fd, bytes)) return bytes;
  if (::ftruncate(fd, 0) != 0) return 0;
  return 0;
}

}  // namespace

bool Ballast::fill() {
  if (wanted_ == 0) return true;
  const int fd = open_file(file_);
  if (fd < 0) return false;
  // What was given up comes back from less: in a full store the removed objects' space is inside the database.
  const int64_t filled = fill_file(fd, wanted_, wanted_ / kLeastShare, released_ ? 2 : 4);
  ::close(fd);
  if (filled == 0) return false;
  held_ = filled;
  released_ = false;
  return true;
}

void Ballast::release() {
  if (held_ == 0 || released_) return;
  const int fd = open_file(file_);
  if (fd < 0) return;
  // Some file systems give the blocks out again only after the sync.
  released_ = ::ftruncate(fd, 0) == 0 && ::fsync(fd) == 0;
  ::close(fd);
}

}  // namespace gantry::store
