// FileLock: flock on a file beside the database that says who holds it. See file_lock.hpp.
#include "core/store/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <string>
#include <system_error>

namespace gantry::store {
namespace {

// A line each of this length: the holder's pid; the numbers noted, each with its checksum. In place, so that a note
// moves no metadata.
constexpr size_t kLine = 32;

std::string lock_error_text(int error) { return std::generic_category().message(error); }

std::string padded(std::string text) {
  text.resize(kLine - 1, ' ');
  return text + '\n';
}

std::string read_line(int fd, off_t at) {
  char buffer[kLine];
  const ssize_t n = pread(fd, buffer, sizeof buffer, at);
  std::string line(buffer, n > 0 ? static_cast<size_t>(n) : 0);
  line.resize(std::min(line.find('\n'), line.size()));
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string holder(int fd) {
  const std::string pid = read_line(fd, 0);
  return pid.empty() ? "another process" : "process " + pid;
}

uint32_t sum_of(int64_t number) {
  return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(&number), sizeof number));
}

off_t place_of(FileLock::Note which) { return static_cast<off_t>((1 + which) * kLine); }

std::optional<int64_t> read_note(int fd, FileLock::Note which) {
  int64_t number = 0;
  uint32_t sum = 0;
  const bool whole = std::sscanf(read_line(fd, place_of(which)).c_str(), "%" SCNd64 " %" SCNx32, &number, &sum) == 2;
  return whole && sum == sum_of(number) ? std::optional(number) : std::nullopt;
}

}  // namespace

Expected<FileLock> FileLock::take(const std::filesystem::path& path, std::string_view what,
                                  std::string_view otherwise) {
  const std::string name = path.string() + ".lock";
  // Close-on-exec: a container must not keep the lock after the daemon is gone.
  const int fd = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Status::internal("cannot open lock file " + name + ": " + lock_error_text(errno));
  FileLock lock(fd, name);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return Status::internal("cannot lock " + name + ": " + lock_error_text(errno));
    }
    return Status::unavailable(std::string(what) + " " + path.string() + " is in use by " + holder(fd) +
                               " (lock file " + name + "); stop it, or " + std::string(otherwise));
  }
  for (const Note which : {kReached, kReserved}) lock.noted_[which] = read_note(fd, which);
  fchmod(fd, 0600);
  // The pid is for the message above only: a disk too full for it must not keep the daemon from
  // starting.
  const std::string pid = padded(std::to_string(getpid()));
  if (pwrite(fd, pid.data(), pid.size(), 0) < 0) return lock;
  return lock;
}

void FileLock::note(int64_t number, Note which) {
  char text[kLine + 1];
  const int size = std::snprintf(text, sizeof text, "%-20" PRId64 " %08" PRIx32 "\n", number, sum_of(number));
  if (pwrite(fd_, text, static_cast<size_t>(size), place_of(which)) < 0) return;
}

Status FileLock::sync() {
  const int folder = open(file_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = folder >= 0 && fsync(fd_) == 0 && fsync(folder) == 0;
  const int error = errno;
  if (folder >= 0) close(folder);
  return synced ? Status() : Status::internal("cannot sync " + file_.string() + ": " + lock_error_text(error));
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace gantry::store
