// Database: its place on the disk. See database.hpp.
//
// A log that can't be moved into the file for want of space could never be shortened again, and with it the disk stays
// full whatever is removed. So the file gets its place before a page is committed. It does not grow into the last bytes
// of the disk either: the log, which every deletion needs, would find none.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "core/store/database.hpp"

namespace gantry::store {
namespace {

constexpr int64_t kPage = 4096;
constexpr int64_t kStep = 256;  // pages claimed at once where there is enough

}  // namespace

void Database::set_room(int64_t bytes) { room_ = bytes; }

int64_t Database::log_bytes() const {
  struct stat info {};
  return ::stat((path_.string() + "-wal").c_str(), &info) == 0 ? static_cast<int64_t>(info.st_size) : 0;
}

// Up to the page `end`.
Status Database::claim(int64_t end, int64_t room) {
  struct stat info {};
  struct statvfs disk {};
  if (::fstat(file_, &info) != 0 || ::fstatvfs(file_, &disk) != 0) return {};
  const auto held = static_cast<int64_t>(info.st_blocks) * 512, size = static_cast<int64_t>(info.st_size);
  const int64_t growth = end * kPage - held;
  const auto free = static_cast<int64_t>(disk.f_bavail * disk.f_frsize) + log_bytes();
  int error = growth > 0 && free < growth + room ? ENOSPC : 0;
  // Pages that were never written are holes.
  const int64_t from = held < size ? 0 : size;
  if (error == 0 && from < end * kPage && ::fallocate(file_, FALLOC_FL_KEEP_SIZE, from, end * kPage - from) != 0) {
    error = errno;
  }
  if (error == 0) pages_claimed_ = end;
  if (error != ENOSPC && error != EDQUOT) return {};  // this file system can't
  out_of_space_ = true;
  return Status::internal("cannot write database " + path_.string() + ": " + std::generic_category().message(error) +
                          " (it keeps room for removing objects)");
}

Status Database::reserve(size_t pages, int64_t room) {
  if (file_ < 0) return {};
  pages_bound_ += static_cast<int64_t>(pages);
  if (pages_bound_ <= pages_claimed_) return {};
  const auto all = number("PRAGMA page_count"), unused = number("PRAGMA freelist_count");
  if (!all.ok() || !unused.ok()) return {};  // what follows will say it
  pages_bound_ = *all + std::max<int64_t>(static_cast<int64_t>(pages) - *unused, 0);
  if (pages_bound_ <= pages_claimed_ || claim(pages_bound_ + kStep, room).ok()) return {};
  return claim(pages_bound_, room);
}

}  // namespace gantry::store
