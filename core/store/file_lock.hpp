// FileLock: one process at a time per database, or per folder of sockets; and what that process last knew.
//
// Owned by whoever holds what is locked; taken before anything of it is touched. The kernel lets go of it when the
// process ends, however it ends. The file stays.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include "gantry/status.hpp"

namespace gantry::store {

class FileLock {
 public:
  // Locks "<path>.lock". Refused with the holder's pid when another opener has it; `what` is locked ("database"), and
  // `otherwise` is what to do instead of stopping the holder ("use another data directory").
  static Expected<FileLock> take(const std::filesystem::path& path, std::string_view what = "database",
                                 std::string_view otherwise = "use another data directory");

  FileLock(FileLock&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), file_(std::move(other.file_)), noted_(other.noted_) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(file_, other.file_);
    std::swap(noted_, other.noted_);
    return *this;
  }
  ~FileLock();

  // Numbers that a holder keeps here. Of the store: the last revision that is on disk, and up to which there may be
  // some that are not.
  enum Note : size_t { kReached, kReserved, kNotes };
  // The number that the holder before left, 0 if none did. Survives the process at once and a power cut later:
  // what is found was noted, but need not be the last.
  int64_t noted(Note which = kReached) const { return noted_[which].value_or(0); }
  // No number is there, or one that nobody noted: the file is new, or was removed or damaged.
  bool lost(Note which = kReached) const { return !noted_[which]; }
  // Cheap, and may fail in silence. [one thread]
  void note(int64_t number, Note which = kReached);
  // From here on a power cut costs at most what was noted later. [one thread]
  Status sync();

 private:
  FileLock(int fd, std::filesystem::path file) : fd_(fd), file_(std::move(file)) {}
  int fd_ = -1;
  std::filesystem::path file_;
  std::array<std::optional<int64_t>, kNotes> noted_;
};

}  // namespace gantry::store
