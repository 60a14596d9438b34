// The atomic writer. Every step leaves a folder that a later call (or a call after a crash) can go on from.
#include "core/node/volumes/projected_files.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <set>
#include <string_view>

#include "core/files/unique_fd.hpp"
#include "core/node/volumes/safe_path.hpp"

namespace gantry::node {
namespace {

namespace fs = std::filesystem;

constexpr const char* kData = "..data";
constexpr const char* kNewData = "..data_tmp";
constexpr mode_t kDirMode = 0755, kGroupDirMode = 02775;

Status check_path(const std::string& path) {
  if (path.empty() || path.front() == '/' || path.size() > 4096) {
    return Status::invalid("invalid path: must be relative path: " + path);
  }
  for (size_t at = 0; at <= path.size();) {
    const auto slash = std::min(path.find('/', at), path.size());
    const auto part = std::string_view(path).substr(at, slash - at);
    if (part == "..") return Status::invalid("invalid path: must not contain '..': " + path);
    if (at == 0 && part.starts_with("..")) return Status::invalid("invalid path: must not start with '..': " + path);
    at = slash + 1;
  }
  return {};
}

// The files that "..data" shows now; nullopt when there are none, or something that no call of ours leaves behind.
bool shows(const fs::path& data, const ProjectedFiles& files, std::optional<gid_t> group) {
  std::error_code error;
  size_t found = 0;
  for (fs::recursive_directory_iterator it(data, error), end; !error && it != end; it.increment(error)) {
    if (it->is_directory(error)) continue;
    const auto wanted = files.find(it->path().lexically_relative(data).string());
    struct stat info {};
    if (wanted == files.end() || ::lstat(it->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode) ||
        (info.st_mode & 07777) != wanted->second.mode || (group && info.st_gid != *group) ||
        static_cast<size_t>(info.st_size) != wanted->second.content.size()) {
      return false;
    }
    std::ifstream in(it->path(), std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (content != wanted->second.content) return false;
    ++found;
  }
  return !error && found == files.size();
}

Status make_dirs_below(const fs::path& root, const fs::path& below, std::optional<gid_t> group) {
  fs::path at = root;
  for (const auto& part : below) {
    at /= part;
    if (::mkdir(at.c_str(), kDirMode) != 0) {
      if (errno == EEXIST) continue;
      return failed_with_errno("making " + at.string());
    }
    if (group && ::chown(at.c_str(), static_cast<uid_t>(-1), *group) != 0)
      return failed_with_errno("owner of " + at.string());
    // Not left to the umask.
    if (::chmod(at.c_str(), group ? kGroupDirMode : kDirMode) != 0) return failed_with_errno("mode of " + at.string());
  }
  return {};
}

Status write_one(const fs::path& path, const ProjectedFile& file, std::optional<gid_t> group) {
  const io::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return failed_with_errno("making " + path.string());
  std::string_view rest = file.content;
  while (!rest.empty()) {
    const ssize_t n = ::write(fd.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failed_with_errno("writing " + path.string());
    rest.remove_prefix(static_cast<size_t>(n));
  }
  if (group && ::fchown(fd.get(), static_cast<uid_t>(-1), *group) != 0)
    return failed_with_errno("owner of " + path.string());
  if (::fchmod(fd.get(), file.mode) != 0) return failed_with_errno("mode of " + path.string());
  return {};
}

Expected<fs::path> write_dated(const fs::path& dir, const ProjectedFiles& files, std::optional<gid_t> group) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char name[48];
  std::strftime(name, sizeof name, "..%Y_%m_%d_%H_%M_%S.XXXXXX", &utc);
  std::string made = (dir / name).string();
  if (::mkdtemp(made.data()) == nullptr) return failed_with_errno("making a folder in " + dir.string());
  if (group && ::chown(made.c_str(), static_cast<uid_t>(-1), *group) != 0) return failed_with_errno("owner of " + made);
  if (::chmod(made.c_str(), group ? kGroupDirMode : kDirMode) != 0) return failed_with_errno("mode of " + made);
  for (const auto& [path, file] : files) {
    const fs::path target = fs::path(made) / path;
    if (auto done = make_dirs_below(made, fs::path(path).parent_path(), group); !done.ok()) return done;
    if (auto done = write_one(target, file, group); !done.ok()) return done;
  }
  return fs::path(made);
}

Status switch_to(const fs::path& dir, const fs::path& dated) {
  const fs::path fresh = dir / kNewData;
  ::unlink(fresh.c_str());
  if (::symlink(dated.filename().c_str(), fresh.c_str()) != 0) return failed_with_errno("making " + fresh.string());
  if (::rename(fresh.c_str(), (dir / kData).c_str()) != 0) return failed_with_errno("renaming " + fresh.string());
  return {};
}

// Names that a reader sees: links through "..data", so that they never change during an update.
Status link_visible(const fs::path& dir, const std::set<std::string>& names) {
  for (const auto& name : names) {
    const fs::path link = dir / name;
    std::error_code error;
    const fs::path target = fs::path(kData) / name;
    if (fs::read_symlink(link, error) == target) continue;
    fs::remove_all(link, error);
    if (::symlink(target.c_str(), link.c_str()) != 0) return failed_with_errno("making " + link.string());
  }
  return {};
}

// Names and dated folders of before, a crash's leavings among them.
void remove_stale(const fs::path& dir, const std::set<std::string>& names) {
  std::error_code error;
  const auto current = fs::read_symlink(dir / kData, error).string();
  std::set<fs::path> stale;
  for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
    const auto name = it->path().filename().string();
    if (name != kData && name != current && !names.contains(name)) stale.insert(it->path());
  }
  for (const auto& path : stale) fs::remove_all(path, error);
}

}  // namespace

Status write_projected_files(const fs::path& dir, const ProjectedFiles& files, std::optional<gid_t> group) {
  std::set<std::string> names;
  for (const auto& [path, file] : files) {
    if (auto checked = check_path(path); !checked.ok()) return checked;
    names.insert(path.substr(0, path.find('/')));
  }
  std::error_code error;
  const auto current = fs::read_symlink(dir / kData, error);
  if (error || !shows(dir / current, files, group)) {
    auto dated = write_dated(dir, files, group);
    if (!dated) return std::move(dated).error();
    // A new name may show nothing for a moment; an old one shows the old content until the switch.
    if (auto done = link_visible(dir, names); !done.ok()) return done;
    if (auto done = switch_to(dir, *dated); !done.ok()) return done;
  } else if (auto done = link_visible(dir, names); !done.ok()) {
    return done;
  }
  remove_stale(dir, names);
  return {};
}

}  // namespace gantry::node
