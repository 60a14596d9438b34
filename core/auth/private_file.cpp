// Atomic writes; the temporary name carries the process id, so that two daemons don't share it.
#include "core/auth/private_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace gantry::auth {
namespace {

struct Fd {
  int value;
  ~Fd() {
    if (value >= 0) ::close(value);
  }
};

Status failure(const std::string& path) { return Status::internal(path + ": " + std::strerror(errno)); }

}  // namespace

Status write_file(const std::string& path, std::string_view content, mode_t mode) {
  std::string temporary = path + ".new." + std::to_string(::getpid());
  {
    ::unlink(temporary.c_str());
    Fd fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
    if (fd.value < 0) return failure(temporary);
    while (!content.empty()) {
      ssize_t n = ::write(fd.value, content.data(), content.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        Status status = failure(temporary);
        ::unlink(temporary.c_str());
        return status;
      }
      content.remove_prefix(static_cast<size_t>(n));
    }
    ::fchmod(fd.value, mode);
    if (::fsync(fd.value) != 0) return failure(temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    Status status = failure(path);
    ::unlink(temporary.c_str());
    return status;
  }
  auto parent = std::filesystem::path(path).parent_path();
  Fd directory{::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.value >= 0) ::fsync(directory.value);
  return {};
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return in ? out.str() : std::string();
}

}  // namespace gantry::auth
