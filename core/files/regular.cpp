#include "core/files/regular.hpp"

#include <sys/stat.h>

namespace gantry::files {

Status regular_if_there(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode)) return {};
  return Status::bad_request(path + ": is not a regular file");
}

}  // namespace gantry::files
