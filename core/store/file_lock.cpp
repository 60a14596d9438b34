// FileLock: flock on a file beside the database that says who holds it. See file_lock.hpp.
#include "core/store/file_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace gantry::store {
namespace {

std::string errno_text(int error) { return std::generic_category().message(error); }

std::string holder(int fd) {
  char buffer[32];
  const ssize_t n = pread(fd, buffer, sizeof buffer, 0);
  std::string pid(buffer, n > 0 ? static_cast<size_t>(n) : 0);
  while (!pid.empty() && pid.back() == '\n') pid.pop_back();
  return pid.empty() ? "another process" : "process " + pid;
}

}  // namespace

Expected<FileLock> FileLock::take(const std::filesystem::path& path) {
  const std::string name = path.string() + ".lock";
  // Close-on-exec: a container must not keep the lock after the daemon is gone.
  const int fd = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Status::internal("cannot open lock file " + name + ": " + errno_text(errno));
  FileLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return Status::internal("cannot lock " + name + ": " + errno_text(errno));
    }
    return Status::unavailable("database " + path.string() + " is in use by " + holder(fd) + " (lock file " + name +
                               "); stop it, or use another data directory");
  }
  // The pid is for the message above only: a disk too full for it must not keep the daemon from
  // starting.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) return lock;
  return lock;
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace gantry::store
