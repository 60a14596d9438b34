#include "merged_root.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>

#include "copy.hpp"
#include "reference.hpp"

namespace gantry::oci {
namespace {

constexpr int kMaxLinks = 40;  // as the kernel
constexpr size_t kMaxDepth = 256;
constexpr size_t kMaxParts = 20000;              // of one path with all its links
constexpr uint64_t kMaxLookups = 16'000'000;     // of a layer
constexpr size_t kMaxShown = 256;                // folders that are remembered
constexpr size_t kMaxWaiting = size_t{1} << 16;  // bytes
constexpr const char* kOpaqueAttribute = "trusted.overlay.opaque";

bool is_opaque(int folder) {
  char value = 0;
  return ::getxattr(("/proc/self/fd/" + std::to_string(folder)).c_str(), kOpaqueAttribute, &value, 1) == 1 &&
         value == 'y';
}

std::string join(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    if (end > at && path.compare(at, end - at, ".") != 0) parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

struct stat info_of(const Fd& fd) {
  struct stat info {};
  if (fd) ::fstat(fd.get(), &info);
  return info;
}

}  // namespace

bool is_whiteout(const struct stat& info) { return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0); }

Status unpack_error(const std::string& what) {
  for (const auto of_host : {ENOSPC, EDQUOT, EIO, ENOMEM, EMFILE, ENFILE, EROFS, EPERM, EACCES, ENOTSUP}) {
    if (errno == of_host) return errno_status(what);
  }
  return Status::bad_request(what + ": " + std::generic_category().message(errno));
}

Status make_opaque(int folder) {
  return ::fsetxattr(folder, kOpaqueAttribute, "y", 1, 0) < 0 ? unpack_error("opaque folder") : Status();
}

Expected<FolderTimes> FolderTimes::create(const fs::path& beside) {
  const auto path = beside.string() + ".times";
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file || ::unlink(path.c_str()) < 0) return errno_status(path);
  return FolderTimes(std::move(file));
}

Status FolderTimes::add(const std::string& path, const struct timespec& modified) {
  waiting_ += std::to_string(modified.tv_sec) + " " + std::to_string(modified.tv_nsec) + " " + path;
  waiting_ += '\0';
  return waiting_.size() < kMaxWaiting ? Status() : flush();
}

Status FolderTimes::flush() {
  for (size_t done = 0; done < waiting_.size();) {
    const auto n = ::write(file_.get(), waiting_.data() + done, waiting_.size() - done);
    if (n < 0) return unpack_error("times of folders");
    done += static_cast<size_t>(n);
  }
  waiting_.clear();
  return {};
}

void FolderTimes::apply(int root) {
  if (!flush().ok() || ::lseek(file_.get(), 0, SEEK_SET) != 0) return;
  const std::unique_ptr<FILE, int (*)(FILE*)> in(::fdopen(file_.release(), "r"), &std::fclose);
  char* line = nullptr;
  size_t size = 0;
  while (in != nullptr && ::getdelim(&line, &size, '\0', in.get()) > 0) {
    struct timespec modified {};
    int path = 0;
    if (std::sscanf(line, "%ld %ld%n", &modified.tv_sec, &modified.tv_nsec, &path) != 2 || line[path] != ' ') break;
    struct open_how how {};
    how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    const Fd fd(static_cast<int>(::syscall(SYS_openat2, root, line + path + 1, &how, sizeof(how))));
    const std::array<struct timespec, 2> both = {modified, modified};
    if (fd) ::futimens(fd.get(), both.data());
  }
  std::free(line);
}

Expected<MergedRoot> MergedRoot::open(const fs::path& own, const std::vector<fs::path>& below) {
  const auto folder = [](const fs::path& path) { return Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)); };
  auto top = folder(own);
  if (!top) return errno_status(own.string());
  std::vector<Fd> layers;
  for (auto it = below.rbegin(); it != below.rend(); ++it) {
    layers.push_back(folder(*it));
    if (!layers.back()) return errno_status(it->string());
  }
  auto times = FolderTimes::create(own);
  if (!times) return times.error();
  return MergedRoot(std::move(top), std::move(layers), std::move(*times));
}

// The file itself, never through a link; none when there is none.
Expected<Fd> MergedRoot::open_in(int root, const std::string& path) {
  if (++lookups_ > kMaxLookups) return Status::too_large("the names of a layer take too long to look up");
  struct open_how how {};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  Fd fd(static_cast<int>(::syscall(SYS_openat2, root, path.empty() ? "." : path.c_str(), &how, sizeof(how))));
  if (fd || errno == ENOENT || errno == ENOTDIR || errno == ELOOP) return fd;
  return unpack_error("a name");
}

// Which of the layers below a folder of the image is made of, highest first: up to one that hides what is under it.
Expected<std::vector<size_t>> MergedRoot::shown(const std::string& folder) {
  if (const auto known = shown_.find(folder); known != shown_.end()) return known->second;
  std::vector<size_t> candidates, out;
  if (folder.empty()) {
    for (size_t i = 0; i < below_.size(); i++) candidates.push_back(i);
  } else {
    auto above = shown(parent_of(folder));
    if (!above) return above;
    candidates = std::move(*above);
    const auto mine = candidates.empty() ? Expected<Fd>(Fd()) : open_in(own_.get(), folder);
    if (!mine) return mine.error();
    if (*mine && is_opaque(mine->get())) candidates.clear();
  }
  for (const auto i : candidates) {
    const auto fd = open_in(below_[i].get(), folder);
    if (!fd) return fd.error();
    if (!*fd) continue;
    if (!S_ISDIR(info_of(*fd).st_mode)) break;
    out.push_back(i);
    if (!folder.empty() && is_opaque(fd->get())) break;
  }
  if (shown_.size() >= kMaxShown) shown_.clear();
  return shown_[folder] = out;
}

Expected<Fd> MergedRoot::below(const std::string& folder, const std::string& name) {
  if (below_.empty()) return Fd();
  looked_below_ = true;
  const auto layers = shown(folder);
  if (!layers) return layers.error();
  for (const auto i : *layers) {
    auto fd = open_in(below_[i].get(), join(folder, name));
    if (!fd || *fd) return fd && is_whiteout(info_of(*fd)) ? Expected<Fd>(Fd()) : std::move(fd);
  }
  return Fd();
}

Expected<std::vector<Fd>> MergedRoot::folders_below(const std::string& folder) {
  if (below_.empty()) return std::vector<Fd>();
  looked_below_ = true;
  const auto layers = shown(folder);
  if (!layers) return layers.error();
  std::vector<Fd> out;
  for (const auto i : *layers) {
    auto fd = open_in(below_[i].get(), folder);
    if (!fd) return fd.error();
    out.push_back(std::move(*fd));
  }
  return out;
}

// Where a path has led to so far, without links.
struct MergedRoot::Walk {
  std::string path;
  size_t depth = 0, real = 0;  // folders of it, and how many of them there are: the rest is missing
  void enter(const std::string& name, bool there) {
    path = join(path, name);
    depth++;
    if (there) real = depth;
  }
  void leave() {
    path = parent_of(path);
    if (depth > 0) depth--;
    real = std::min(real, depth);
  }
};

// What the image has as `name` at the walk's place; none when it is missing or hidden.
Expected<Fd> MergedRoot::look(const Walk& walk, const std::string& name) {
  if (walk.real < walk.depth) return Fd();
  auto mine = open_in(own_.get(), join(walk.path, name));
  if (!mine) return mine;
  if (!*mine) return below(walk.path, name);
  return is_whiteout(info_of(*mine)) ? Expected<Fd>(Fd()) : std::move(mine);
}

// A path after all its links were followed.
Expected<std::string> MergedRoot::resolve(const std::string& path) {
  Walk walk;
  const auto first = parts_of(path);
  std::deque<std::string> todo(first.begin(), first.end());
  int links = 0;
  for (size_t parts = 0; !todo.empty(); parts++) {
    const auto name = std::move(todo.front());
    todo.pop_front();
    if (name == "..") {
      walk.leave();
      continue;
    }
    const auto found = look(walk, name);
    if (!found) return found.error();
    const auto info = info_of(*found);
    if (*found && S_ISLNK(info.st_mode)) {
      std::array<char, 4097> target{};
      if (::readlinkat(found->get(), "", target.data(), target.size() - 1) < 0) return unpack_error("a folder");
      if (++links > kMaxLinks || parts > kMaxParts) return Status::bad_request("passes through too many links");
      if (target[0] == '/') walk = {};
      const auto more = parts_of(target.data());
      todo.insert(todo.begin(), more.begin(), more.end());
      continue;
    }
    if (*found && !S_ISDIR(info.st_mode)) return Status::bad_request("passes through a file");
    walk.enter(name, static_cast<bool>(*found));
    if (walk.depth > kMaxDepth) return Status::bad_request("lies too deep in folders");
  }
  return walk.path;
}

// A folder in the folder `at` of the layer, made if it is missing.
Expected<Fd> MergedRoot::step(const std::string& parent, int at, const std::string& name) {
  const auto enter = [&] { return Fd(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)); };
  if (auto there = enter()) return there;
  // A whiteout hides what is below; a folder that takes its place goes on doing so.
  const bool hidden = ::unlinkat(at, name.c_str(), 0) == 0;
  const auto like = hidden ? Expected<Fd>(Fd()) : below(parent, name);
  if (!like) return like.error();
  if (::mkdirat(at, name.c_str(), 0755) < 0) return unpack_error("folder " + in_quotes(name));
  auto made = enter();
  if (!made) return unpack_error("folder " + in_quotes(name));
  Status status;
  if (hidden) status = make_opaque(made.get());
  if (const auto info = info_of(*like); *like && S_ISDIR(info.st_mode)) {
    status = copy_attributes(like->get(), made.get(), info);
    if (status.ok()) status = times_.add(join(parent, name), info.st_mtim);
  }
  if (!status.ok()) return status;
  return made;
}

Expected<MergedRoot::Folder> MergedRoot::folder(const std::string& path) {
  const auto plain = resolve(path);
  if (!plain) return plain.error();
  Folder out;
  out.fd = Fd(::openat(own_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!out.fd) return unpack_error("a folder");
  for (const auto& name : parts_of(*plain)) {
    auto next = step(out.path, out.fd.get(), name);
    if (!next) return next.error();
    out.path = join(out.path, name);
    out.fd = std::move(*next);
  }
  return out;
}

}  // namespace gantry::oci
