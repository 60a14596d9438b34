// Walks from the root, a name at a time, following links itself: each is only looked at when all before it is known to
// be safe.
#include "core/auth/private_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <string>
#include <system_error>

namespace gantry::auth {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as the kernel

Status failure(const fs::path& path, int error) {
  return Status::internal(path.string() + ": " + std::generic_category().message(error));
}

Status check_owner(const fs::path& path, const struct stat& info, const fs::path& wanted) {
  if (info.st_uid == 0 || info.st_uid == ::geteuid()) return {};
  return Status::forbidden(wanted.string() + " can't be used: " + path.string() + " belongs to user " +
                           std::to_string(info.st_uid) + ", who could replace what is below it; \"chown -h " +
                           std::to_string(::geteuid()) + " " + path.string() + "\", or use another folder");
}

Status check_mode(const fs::path& path, const struct stat& info, bool above, const fs::path& wanted) {
  const mode_t others = info.st_mode & (S_IWGRP | S_IWOTH);
  // In a sticky folder others can add names, but not change those of the owner.
  if (others == 0 || (above && (info.st_mode & S_ISVTX) != 0)) return {};
  return Status::forbidden(wanted.string() + " can't be used: others than its owner may write to " + path.string() +
                           "; \"chmod go-w " + path.string() + "\", or use another folder");
}

std::deque<fs::path> names_of(const fs::path& path) {
  std::deque<fs::path> names;
  for (const auto& name : path.relative_path()) {
    if (!name.empty() && name != ".") names.push_back(name);
  }
  return names;
}

class Walk {
 public:
  explicit Walk(const fs::path& wanted) : wanted_(wanted), left_(names_of(wanted)) {}

  // False at its end.
  Expected<bool> step() {
    struct stat info {};
    if (::lstat(at_.c_str(), &info) != 0) {
      if (errno == ENOENT) return false;
      return failure(at_, errno);
    }
    if (Status s = check_owner(at_, info, wanted_); !s.ok()) return s;
    if (S_ISLNK(info.st_mode)) return follow();
    if (!S_ISDIR(info.st_mode)) return Status::invalid(at_.string() + " is no folder");
    if (Status s = check_mode(at_, info, !left_.empty(), wanted_); !s.ok()) return s;
    if (left_.empty()) return false;
    const fs::path name = left_.front();
    left_.pop_front();
    at_ = name == ".." ? at_.parent_path() : at_ / name;
    return true;
  }

 private:
  Expected<bool> follow() {
    std::error_code error;
    const fs::path target = fs::read_symlink(at_, error);
    if (error) return failure(at_, error.value());
    if (++links_ > kMostLinks) return failure(wanted_, ELOOP);
    auto names = names_of(target);
    left_.insert(left_.begin(), names.begin(), names.end());
    at_ = target.is_absolute() ? fs::path("/") : at_.parent_path();
    return true;
  }

  const fs::path wanted_;
  fs::path at_ = "/";
  std::deque<fs::path> left_;
  int links_ = 0;
};

}  // namespace

Status check_private_folder(const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::absolute(folder, error);
  if (error) return failure(folder, error.value());
  Walk walk(whole);
  for (;;) {
    auto more = walk.step();
    if (!more.ok()) return std::move(more).error();
    if (!*more) return {};
  }
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

}  // namespace gantry::auth
