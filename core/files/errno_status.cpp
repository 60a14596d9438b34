#include "core/files/errno_status.hpp"

#include <cerrno>
#include <system_error>

namespace gantry::files {

Status status_of_errno(const std::string& what, int error) {
  std::string text = what + ": " + std::generic_category().message(error);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return Status::not_found(std::move(text));
    case EACCES:
    case EPERM:
      return Status::forbidden(std::move(text));
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case ENOSPC:
    case EDQUOT:
    case EAGAIN:
      return Status::unavailable(std::move(text));
    default:
      return Status::internal(std::move(text));
  }
}

}  // namespace gantry::files
