// FileLock: one process at a time per database.
//
// Owned by the store for as long as the database is open; taken in open_sqlite, on the opener's
// thread. The kernel lets go of it when the process ends, however it ends.
#pragma once

#include <filesystem>
#include <utility>

#include "gantry/status.hpp"

namespace gantry::store {

class FileLock {
 public:
  // Locks "<path>.lock". Refused with the holder's pid when another opener has it.
  static Expected<FileLock> take(const std::filesystem::path& path);

  FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace gantry::store
