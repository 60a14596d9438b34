#include "core/files/aside.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/files/errno_status.hpp"
#include "core/files/unique_fd.hpp"

namespace gantry::files {
namespace {

bool copy(const std::string& from, const std::string& to) {
  const io::UniqueFd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const io::UniqueFd target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!source.valid() || !target.valid()) return false;
  char bytes[64 * 1024];
  ssize_t size = 0;
  while ((size = ::read(source.get(), bytes, sizeof bytes)) > 0) {
    if (::write(target.get(), bytes, static_cast<size_t>(size)) != size) return false;
  }
  return size == 0 && ::fsync(target.get()) == 0;
}

}  // namespace

Status keep_aside(const std::string& path, const std::string& aside) {
  const std::string temporary = aside + ".new." + std::to_string(::getpid());
  ::unlink(temporary.c_str());
  const bool made = ::link(path.c_str(), temporary.c_str()) == 0 || copy(path, temporary);
  Status status;
  if (!made || ::rename(temporary.c_str(), aside.c_str()) != 0) status = status_of_errno(aside, errno);
  // Renamed to a name of the same file, it stays.
  ::unlink(temporary.c_str());
  return status;
}

}  // namespace gantry::files
