// Everything goes through descriptors, so that a pod that swaps a folder for a link in between gains nothing.
#include "core/node/volumes/safe_path.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

namespace gantry::node {
namespace {

namespace fs = std::filesystem;

io::UniqueFd open_inside(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return io::UniqueFd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

// "/proc/self/mountinfo" writes blanks and backslashes as octal numbers.
std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string> mount_points() {
  std::vector<std::string> out;
  std::ifstream in("/proc/self/mountinfo");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 5 && words >> word; ++i) {
    }
    out.push_back(unescape(word));
  }
  return out;
}

bool same_file(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

// Each level holds a descriptor; a pod may nest its folders as deep as it likes.
constexpr int kDeepest = 64;

struct Emptied {
  int top;
  dev_t device;
  uint64_t raised = 0;  // folders that were too deep, and lie in the top one now
};

Status raise(int parent, const std::string& name, const std::string& shown, Emptied& tree) {
  while (true) {
    const auto there = "raised-" + std::to_string(++tree.raised);
    if (::renameat(parent, name.c_str(), tree.top, there.c_str()) == 0) return {};
    if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR) return failed_with_errno("raising " + shown);
  }
}

// Empties an open folder but for what it raises. Takes the descriptor.
Status empty_dir(io::UniqueFd fd, Emptied& tree, int depth, const std::string& shown) {
  const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd.get()));
  if (dir == nullptr) return failed_with_errno("reading " + shown);
  fd.release();  // the stream closes it
  const int parent = ::dirfd(dir.get());
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string path = shown + "/" + name;
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM) return failed_with_errno("removing " + path);
    if (depth == kDeepest) {
      if (auto raised = raise(parent, name, path, tree); !raised.ok()) return raised;
      continue;
    }
    io::UniqueFd child(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!child.valid() || ::fstat(child.get(), &info) != 0) return failed_with_errno("opening " + path);
    if (info.st_dev != tree.device) return Status::internal(path + " is still mounted");
    if (auto emptied = empty_dir(std::move(child), tree, depth + 1, path); !emptied.ok()) return emptied;
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
      return failed_with_errno("removing " + path);
  }
  return {};
}

}  // namespace

Status failed_with_errno(const std::string& what) { return Status::internal(what + ": " + std::strerror(errno)); }

Expected<io::UniqueFd> open_below(const fs::path& root, const std::string& below) {
  const io::UniqueFd base(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat info {};
  if (!base.valid() || ::fstat(base.get(), &info) != 0) return failed_with_errno("opening " + root.string());
  auto found = open_inside(base.get(), below);
  if (found.valid()) return found;
  if (errno != ENOENT) return failed_with_errno("opening " + below + " in " + root.string());
  // Folder by folder; each step is resolved from the root again, so a swapped link can't lead outside.
  fs::path done;
  for (const auto& part : fs::path(below)) {
    if (part.empty() || part == ".") continue;
    const auto parent = done.empty() ? open_inside(base.get(), ".") : open_inside(base.get(), done.string());
    if (!parent.valid()) return failed_with_errno("opening " + done.string() + " in " + root.string());
    done /= part;
    if (open_inside(base.get(), done.string()).valid()) continue;
    if (errno != ENOENT || ::mkdirat(parent.get(), part.c_str(), info.st_mode & 0777) != 0) {
      return failed_with_errno("making " + done.string() + " in " + root.string());
    }
    const io::UniqueFd made(::openat(parent.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made.valid() || ::fchmod(made.get(), info.st_mode & 07777) != 0 ||
        ::fchown(made.get(), info.st_uid, info.st_gid) != 0) {
      return failed_with_errno("mode of " + done.string() + " in " + root.string());
    }
  }
  found = open_inside(base.get(), below);
  if (!found.valid()) return failed_with_errno("opening " + below + " in " + root.string());
  return found;
}

Status bind_to(const io::UniqueFd& fd, const fs::path& target) {
  struct stat source {
  }, there{};
  if (::fstat(fd.get(), &source) != 0) return failed_with_errno("looking at the source of " + target.string());
  std::error_code error;
  fs::create_directories(target.parent_path(), error);
  if (error) return Status::internal("making " + target.parent_path().string() + ": " + error.message());
  if (::lstat(target.c_str(), &there) == 0) {
    if (same_file(source, there)) return {};
    // An older one, of content that has been replaced since.
    if (is_mount_point(target) && ::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) {
      return failed_with_errno("unmounting " + target.string());
    }
    fs::remove(target, error);
  }
  if (S_ISDIR(source.st_mode)) {
    if (::mkdir(target.c_str(), 0750) != 0 && errno != EEXIST) return failed_with_errno("making " + target.string());
  } else {
    const io::UniqueFd made(::open(target.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640));
    if (!made.valid()) return failed_with_errno("making " + target.string());
  }
  // Without what is mounted below: unmounting that later would, through shared propagation, unmount the originals.
  const auto from = "/proc/self/fd/" + std::to_string(fd.get());
  if (::mount(from.c_str(), target.c_str(), nullptr, MS_BIND, nullptr) != 0) {
    return failed_with_errno("binding " + target.string());
  }
  return {};
}

bool is_mount_point(const fs::path& path) {
  std::error_code error;
  const auto real = fs::canonical(path, error);
  const auto points = mount_points();
  return !error && std::find(points.begin(), points.end(), real.string()) != points.end();
}

Status unmount_below(const fs::path& dir) {
  std::error_code error;
  const auto real = fs::canonical(dir, error).string();
  if (error) return {};
  auto points = mount_points();
  // Later mounts lie over earlier ones: from the end.
  std::reverse(points.begin(), points.end());
  for (const auto& point : points) {
    if (point != real && !point.starts_with(real + "/")) continue;
    if (::umount2(point.c_str(), UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT) continue;
    // Something still has it open; it goes when that does.
    if (::umount2(point.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH) != 0) return failed_with_errno("unmounting " + point);
  }
  return {};
}

Status remove_tree(const fs::path& dir) {
  const io::UniqueFd fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.valid()) return errno == ENOENT ? Status() : failed_with_errno("opening " + dir.string());
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return failed_with_errno("looking at " + dir.string());
  Emptied tree{fd.get(), info.st_dev};
  for (uint64_t before = 1; before != tree.raised;) {
    before = tree.raised;
    io::UniqueFd top(::openat(fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!top.valid()) return failed_with_errno("opening " + dir.string());
    if (auto emptied = empty_dir(std::move(top), tree, 0, dir.string()); !emptied.ok()) return emptied;
  }
  if (::rmdir(dir.c_str()) != 0 && errno != ENOENT) return failed_with_errno("removing " + dir.string());
  return {};
}

}  // namespace gantry::node
