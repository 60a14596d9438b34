#include "layer.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "digest.hpp"
#include "libarchive.hpp"

namespace gantry::oci {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";

// The uncompressed bytes of a layer, summed up as they pass to the tar reader.
class Source {
 public:
  explicit Source(uint64_t budget) : budget_(budget), raw_(archive_read_new()) {}
  Status open(int fd) {
    archive_read_support_format_raw(raw_.get());
    archive_read_support_format_empty(raw_.get());
    archive_read_support_filter_all(raw_.get());
    struct archive_entry* entry = nullptr;
    if (archive_read_open_fd(raw_.get(), fd, 65536) != ARCHIVE_OK) return archive_status(raw_.get(), "layer");
    const int got = archive_read_next_header(raw_.get(), &entry);
    ended_ = got == ARCHIVE_EOF;
    return got == ARCHIVE_OK || ended_ ? Status() : archive_status(raw_.get(), "layer");
  }
  static la_ssize_t read(struct archive* tar, void* self, const void** data) {
    auto& source = *static_cast<Source*>(self);
    const auto n = source.next();
    if (n < 0) archive_set_error(tar, EIO, "%s", source.why_.c_str());
    *data = source.chunk_.data();
    return n;
  }
  // What the tar reader left (padding) belongs to the digest too.
  Expected<std::string> finish() {
    for (;;) {
      const auto n = next();
      if (n < 0) return Status::bad_request("layer: " + why_);
      if (n == 0) return sum_.hex();
    }
  }

 private:
  la_ssize_t next() {
    if (ended_) return 0;
    const auto n = archive_read_data(raw_.get(), chunk_.data(), chunk_.size());
    if (n < 0) {
      const char* text = archive_error_string(raw_.get());
      why_ = text != nullptr ? text : "damaged compression";
      return -1;
    }
    if (static_cast<uint64_t>(n) > budget_) {
      why_ = "it unpacks to more than max_image_bytes";
      return -1;
    }
    budget_ -= static_cast<uint64_t>(n);
    sum_.add({chunk_.data(), static_cast<size_t>(n)});
    return n;
  }
  uint64_t budget_;
  Archive raw_;
  Sha256 sum_;
  std::array<char, 65536> chunk_;
  std::string why_;
  bool ended_ = false;
};

// A name of the archive as folder and last part; refuses what is no plain relative path.
struct Place {
  std::string parent, name;  // parent "" is the top
};
Expected<Place> place_of(const std::string& path) {
  Place place;
  std::string rest = path;
  while (rest.starts_with("./") || rest.starts_with("/")) rest.erase(0, rest[0] == '/' ? 1 : 2);
  while (!rest.empty() && rest.back() == '/') rest.pop_back();
  if (rest == ".") rest.clear();
  for (const auto& part : fs::path(rest)) {
    if (part == ".." || part == ".") return Status::bad_request("layer: the name \"" + path + "\" leads elsewhere");
  }
  const auto slash = rest.rfind('/');
  if (slash == std::string::npos) return Place{"", rest};
  return Place{rest.substr(0, slash), rest.substr(slash + 1)};
}

class Unpacker {
 public:
  Unpacker(struct archive* tar, int root) : tar_(tar), root_(root) {}

  Status entry(struct archive_entry* e) {
    const char* raw = archive_entry_pathname(e);
    if (raw == nullptr) return Status::bad_request("layer: an entry has no readable name");
    const std::string path = raw;
    const auto place = place_of(path);
    if (!place) return place.error();
    if (place->name.empty()) return top(e);
    auto parent = folder(place->parent, path);
    if (!parent) return parent.error();
    if (place->name.starts_with(kWhiteout)) return whiteout(parent->get(), place->name, path);
    if (const char* target = archive_entry_hardlink(e)) return hard_link(parent->get(), place->name, target, path);
    if (auto status = make(parent->get(), place->name, e, path); !status.ok()) return status;
    return attributes(parent->get(), place->name, e, path);
  }
  // Folders get their times last: what was put into them changed these.
  void finish() {
    for (const auto& [path, times] : folder_times_) {
      if (const auto fd = beneath(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
        ::futimens(fd.get(), times.data());
    }
  }

 private:
  Fd beneath(const char* path, int flags) const {
    struct open_how how {};
    how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    return Fd(static_cast<int>(::syscall(SYS_openat2, root_, path, &how, sizeof(how))));
  }
  static Status refuse(const std::string& path, const std::string& why) {
    return Status::bad_request("layer: \"" + path + "\" " + why);
  }

  // The folder to make an entry in; missing ones are made. Symlinks of the layer are followed only inside it.
  Expected<Fd> folder(const std::string& path, const std::string& entry_path) {
    if (auto fd = beneath(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY)) return fd;
    if (errno == EXDEV || errno == ELOOP || errno == ENOTDIR)
      return refuse(entry_path, "passes through a link or file that leads elsewhere");
    if (errno != ENOENT) return errno_status("layer: " + path);
    const auto slash = path.rfind('/');
    auto above = folder(slash == std::string::npos ? "" : path.substr(0, slash), entry_path);
    if (!above) return above;
    const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
    if (::mkdirat(above->get(), name.c_str(), 0755) < 0)
      return refuse(entry_path, "passes through a link that leads nowhere");
    auto made = beneath(path.c_str(), O_RDONLY | O_DIRECTORY);
    if (!made) return errno_status("layer: " + path);
    return made;
  }

  Status top(struct archive_entry* e) {
    if (archive_entry_filetype(e) != AE_IFDIR) return Status::bad_request("layer: its top is no folder");
    ::fchown(root_, static_cast<uid_t>(archive_entry_uid(e)), static_cast<gid_t>(archive_entry_gid(e)));
    ::fchmod(root_, archive_entry_perm(e));
    return {};
  }

  static Status whiteout(int parent, const std::string& name, const std::string& path) {
    if (name == kOpaque) {
      if (::fsetxattr(parent, "trusted.overlay.opaque", "y", 1, 0) < 0) return errno_status("layer: " + path);
      return {};
    }
    if (name.starts_with(".wh..wh.")) return {};  // bookkeeping of aufs
    const auto hidden = name.substr(kWhiteout.size());
    if (hidden.empty() || hidden == "." || hidden == "..") return refuse(path, "is no valid whiteout");
    if (::mknodat(parent, hidden.c_str(), S_IFCHR | 0600, makedev(0, 0)) < 0 && errno != EEXIST) {
      return errno_status("layer: " + path);
    }
    return {};
  }

  Status hard_link(int parent, const std::string& name, const char* target, const std::string& path) {
    const auto from = place_of(target);
    if (!from) return from.error();
    if (from->name.empty()) return refuse(path, "links to the top");
    const auto relative = from->parent.empty() ? from->name : from->parent + "/" + from->name;
    const auto source = beneath(relative.c_str(), O_PATH | O_NOFOLLOW);
    if (!source) return refuse(path, std::string("links to \"") + target + "\", which is not in the layer");
    struct stat info {};
    if (::fstat(source.get(), &info) < 0 || S_ISDIR(info.st_mode)) return refuse(path, "links to a folder");
    ::unlinkat(parent, name.c_str(), 0);
    if (::linkat(source.get(), "", parent, name.c_str(), AT_EMPTY_PATH) < 0) return errno_status("layer: " + path);
    return {};
  }

  Status make(int parent, const std::string& name, struct archive_entry* e, const std::string& path) {
    struct stat info {};
    const auto type = archive_entry_filetype(e);
    if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        !(S_ISDIR(info.st_mode) && type == AE_IFDIR)) {
      // A later entry of the same name takes the place of an earlier one.
      if (::unlinkat(parent, name.c_str(), S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0) < 0)
        return errno_status("layer: " + path);
    }
    int done = 0;
    switch (type) {
      case AE_IFREG:
        return regular(parent, name, path);
      case AE_IFDIR:
        done = ::mkdirat(parent, name.c_str(), 0700);
        if (done < 0 && errno == EEXIST) done = 0;
        break;
      case AE_IFLNK:
        done = ::symlinkat(archive_entry_symlink(e), parent, name.c_str());
        break;
      case AE_IFCHR:
      case AE_IFBLK: {
        const auto device = makedev(static_cast<unsigned>(archive_entry_rdevmajor(e)),
                                    static_cast<unsigned>(archive_entry_rdevminor(e)));
        done = ::mknodat(parent, name.c_str(), static_cast<mode_t>(type) | 0600, device);
        break;
      }
      case AE_IFIFO:
        done = ::mkfifoat(parent, name.c_str(), 0600);
        break;
      default:
        return refuse(path, "is of no known kind");
    }
    return done < 0 ? errno_status("layer: " + path) : Status();
  }

  Status regular(int parent, const std::string& name, const std::string& path) {
    const Fd out(::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!out) return errno_status("layer: " + path);
    std::array<char, 65536> chunk;
    for (;;) {
      const auto n = archive_read_data(tar_, chunk.data(), chunk.size());
      if (n < 0) return archive_status(tar_, "layer: " + path);
      if (n == 0) return {};
      for (la_ssize_t done = 0; done < n;) {
        const auto written = ::write(out.get(), chunk.data() + done, static_cast<size_t>(n - done));
        if (written < 0) return errno_status("layer: " + path);
        done += written;
      }
    }
  }

  Status attributes(int parent, const std::string& name, struct archive_entry* e, const std::string& path) {
    const auto uid = static_cast<uid_t>(archive_entry_uid(e));
    const auto gid = static_cast<gid_t>(archive_entry_gid(e));
    if (::fchownat(parent, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) < 0) return errno_status("layer: " + path);
    const bool link = archive_entry_filetype(e) == AE_IFLNK;
    // After the owner: a change of owner clears the set-user-id bit.
    if (!link && ::fchmodat(parent, name.c_str(), archive_entry_perm(e), 0) < 0) return errno_status("layer: " + path);
    if (!link) xattrs(parent, name, e);
    const std::array<struct timespec, 2> times = {timespec{archive_entry_mtime(e), archive_entry_mtime_nsec(e)},
                                                  timespec{archive_entry_mtime(e), archive_entry_mtime_nsec(e)}};
    if (archive_entry_filetype(e) == AE_IFDIR) {
      folder_times_.emplace_back(place_text(path), times);
    } else {
      ::utimensat(parent, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
    }
    return {};
  }
  static std::string place_text(const std::string& path) {
    const auto place = place_of(path);
    return place->parent.empty() ? place->name : place->parent + "/" + place->name;
  }

  // overlayfs' own attributes are not the image's to set.
  void xattrs(int parent, const std::string& name, struct archive_entry* e) const {
    if (archive_entry_xattr_reset(e) == 0) return;
    const Fd file(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    const auto through = "/proc/self/fd/" + std::to_string(file.get());
    const char* key = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    while (archive_entry_xattr_next(e, &key, &value, &size) == ARCHIVE_OK) {
      const std::string_view text = key;
      if (text == "security.capability" || text.starts_with("user.")) ::setxattr(through.c_str(), key, value, size, 0);
    }
  }

  struct archive* tar_;
  int root_;
  std::vector<std::pair<std::string, std::array<struct timespec, 2>>> folder_times_;
};

}  // namespace

Expected<std::string> unpack_layer(int fd, const fs::path& into, uint64_t max_bytes) {
  const Utf8Names names;
  const Fd root(::open(into.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return errno_status(into.string());
  Source source(max_bytes);
  if (auto status = source.open(fd); !status.ok()) return status;
  const Archive tar(archive_read_new());
  archive_read_support_format_tar(tar.get());
  archive_read_support_format_empty(tar.get());
  if (archive_read_open(tar.get(), &source, nullptr, &Source::read, nullptr) != ARCHIVE_OK) {
    return archive_status(tar.get(), "layer");
  }
  Unpacker unpacker(tar.get(), root.get());
  struct archive_entry* entry = nullptr;
  for (;;) {
    const int got = archive_read_next_header(tar.get(), &entry);
    if (got == ARCHIVE_EOF) break;
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return archive_status(tar.get(), "layer");
    if (auto status = unpacker.entry(entry); !status.ok()) return status;
  }
  unpacker.finish();
  return source.finish();
}

}  // namespace gantry::oci
