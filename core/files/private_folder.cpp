#include "core/files/private_folder.hpp"

#include <system_error>

#include "core/files/way.hpp"

namespace gantry::files {

namespace fs = std::filesystem;

Status check_private_folder(const fs::path& folder) {
  if (Status s = check_way(folder, folder.string(), Missing::kFine); !s.ok()) return s;
  std::error_code error;
  const auto found = fs::status(folder, error);
  return !fs::exists(found) || fs::is_directory(found) ? Status() : Status::invalid(folder.string() + " is no folder");
}

Status ensure_private_folder(const fs::path& folder) {
  // Nothing is made in a place of others.
  if (Status s = check_private_folder(folder); !s.ok()) return s;
  std::error_code error;
  if (fs::is_directory(folder, error)) return {};
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return Status::internal(folder.string() + ": cannot be made: " + error.message());
  return check_private_folder(folder);
}

}  // namespace gantry::files
