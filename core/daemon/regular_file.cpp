#include "core/daemon/regular_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace gantry::daemon {
namespace {

Status failure(const std::string& path, int error) {
  const std::string text = path + ": " + std::strerror(error);
  return error == ENOENT || error == ENOTDIR ? Status::not_found(text) : Status::internal(text);
}

}  // namespace

Expected<io::UniqueFd> open_regular_file(const std::string& path) {
  // A place in the file system, which opens nothing; what is looked at is what is opened then.
  const io::UniqueFd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat info {};
  if (!place.valid() || ::fstat(place.get(), &info) != 0) return failure(path, errno);
  if (!S_ISREG(info.st_mode)) return Status::bad_request(path + ": is not a regular file");
  io::UniqueFd file(::open(("/proc/self/fd/" + std::to_string(place.get())).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return failure(path, errno);
  return file;
}

}  // namespace gantry::daemon
