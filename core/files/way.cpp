#include "core/files/way.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <string>
#include <system_error>

#include "core/files/errno_status.hpp"

namespace gantry::files {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as the kernel has it

class Walk {
 public:
  Walk(const fs::path& path, std::string_view whose) : goal_(path), whose_(whose) {}
  Status run() {
    std::error_code failed;
    const auto whole = fs::absolute(goal_, failed);
    if (failed) return status_of_errno(goal_.string(), failed.value());
    push(whole);
    at_ = "/";
    if (auto root = look(at_); !root.ok()) return root;
    while (!ahead_.empty()) {
      const auto name = ahead_.front();
      ahead_.pop_front();
      if (auto done = step(name); !done.ok()) return done;
    }
    return {};
  }

 private:
  // Before what is still ahead.
  void push(const fs::path& path) {
    std::deque<fs::path> names;
    for (const auto& name : path.relative_path()) {
      if (!name.empty() && name != ".") names.push_back(name);
    }
    ahead_.insert(ahead_.begin(), names.begin(), names.end());
  }
  Status step(const fs::path& name) {
    if (name == "..") {
      at_ = at_.parent_path();
      return {};
    }
    const auto next = at_ / name;
    if (auto good = look(next); !good.ok()) return good;
    if (!S_ISLNK(info_.st_mode)) {
      at_ = next;
      return {};
    }
    std::error_code failed;
    const auto target = fs::read_symlink(next, failed);
    if (!failed && ++links_ > kMostLinks) failed = std::make_error_code(std::errc::too_many_symbolic_link_levels);
    if (failed) return status_of_errno(next.string(), failed.value());
    if (target.is_absolute()) at_ = "/";
    push(target);
    return {};
  }
  // The owner and the mode of what is there, the link itself if it is one.
  Status look(const fs::path& path) {
    if (::lstat(path.c_str(), &info_) != 0) return status_of_errno(path.string(), errno);
    if (info_.st_uid != 0 && info_.st_uid != ::geteuid()) {
      return Status::forbidden(path.string() + " belongs to user " + std::to_string(info_.st_uid) + "; " +
                               std::string(whose_) + ", and all on the way to it, must belong to root or to the " +
                               "daemon's user: \"chown -h " + std::to_string(::geteuid()) + " " + path.string() + "\"");
    }
    if (S_ISLNK(info_.st_mode) || (info_.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
    const bool passage = S_ISDIR(info_.st_mode) && !ahead_.empty();
    if (passage && (info_.st_mode & S_ISVTX) != 0) return {};
    return Status::forbidden(path.string() + " can be written by others than its owner: \"chmod go-w " + path.string() +
                             "\"");
  }

  const fs::path& goal_;
  const std::string_view whose_;
  fs::path at_;
  std::deque<fs::path> ahead_;
  struct stat info_ {};
  int links_ = 0;
};

}  // namespace

Status check_way(const fs::path& path, std::string_view whose, Missing missing) {
  auto found = Walk(path, whose).run();
  return missing == Missing::kFine && found.code() == 404 ? Status() : found;
}

}  // namespace gantry::files
