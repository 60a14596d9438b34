#include "layer.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "copy.hpp"
#include "digest.hpp"
#include "libarchive.hpp"
#include "merged_root.hpp"
#include "reference.hpp"

namespace gantry::oci {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr size_t kMaxPath = 4096;
constexpr uint64_t kMaxEntries = 2'000'000;
// What may stand before one entry's content, such as attributes and the map of a sparse file: libarchive holds it.
constexpr int64_t kMaxHeader = 4 << 20;

// The uncompressed bytes of a layer, summed up as they pass to the tar reader.
class Source {
 public:
  explicit Source(uint64_t budget) : budget_(budget), raw_(archive_read_new()) {}
  Status open(int fd) {
    archive_read_support_format_raw(raw_.get());
    archive_read_support_format_empty(raw_.get());
    support_image_filters(raw_.get());
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
  // Between these, what is read is one entry's header.
  void begin_header() { header_ = kMaxHeader; }
  void end_header() { header_ = std::numeric_limits<int64_t>::max(); }
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
    if ((header_ -= n) < 0) {
      why_ = "the header of an entry is too large";
      return -1;
    }
    budget_ -= static_cast<uint64_t>(n);
    sum_.add({chunk_.data(), static_cast<size_t>(n)});
    return n;
  }
  uint64_t budget_;
  int64_t header_ = std::numeric_limits<int64_t>::max();
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
  if (path.size() > kMaxPath) return Status::bad_request("layer: the name " + in_quotes(path) + " is too long");
  std::string rest = path;
  while (rest.starts_with("./") || rest.starts_with("/")) rest.erase(0, rest[0] == '/' ? 1 : 2);
  while (!rest.empty() && rest.back() == '/') rest.pop_back();
  if (rest == ".") rest.clear();
  for (const auto& part : fs::path(rest)) {
    if (part == ".." || part == ".")
      return Status::bad_request("layer: the name " + in_quotes(path) + " leads elsewhere");
  }
  const auto slash = rest.rfind('/');
  if (slash == std::string::npos) return Place{"", rest};
  return Place{rest.substr(0, slash), rest.substr(slash + 1)};
}

Status refuse(const std::string& path, const std::string& why) {
  return Status::bad_request("layer: " + in_quotes(path) + " " + why);
}
Status failed(const std::string& path) { return unpack_error("layer: " + in_quotes(path)); }

class Unpacker {
 public:
  Unpacker(struct archive* tar, MergedRoot& root, uint64_t max_bytes)
      : tar_(tar), root_(root), budget_{max_bytes, kMaxEntries} {}

  Status entry(struct archive_entry* e) {
    const char* raw = archive_entry_pathname(e);
    if (raw == nullptr) return Status::bad_request("layer: an entry has no readable name");
    const std::string path = raw;
    if (budget_.entries-- == 0) return Status::too_large("layer: it has more than 2000000 entries");
    const auto place = place_of(path);
    if (!place) return place.error();
    if (place->name.empty()) return top(e);
    if (auto status = enter(place->parent); !status.ok())
      return Status(std::move(status)).in("layer: " + in_quotes(path));
    const int parent = parent_.fd.get();
    // What is made now may lie on the way to where the next entry's name leads.
    if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) != nullptr) entered_ = false;
    if (place->name.starts_with(kWhiteout)) return whiteout(parent, place->name, path);
    if (const char* target = archive_entry_hardlink(e)) return hard_link(parent, place->name, target, path);
    if (auto status = make(parent, place->name, e, path); !status.ok()) return status;
    return attributes(parent, place->name, e, path);
  }

 private:
  Status enter(const std::string& path) {
    if (entered_ && path == entered_path_) return {};
    auto folder = root_.folder(path);
    if (!folder) return folder.error();
    parent_ = std::move(*folder);
    entered_path_ = path;
    entered_ = true;
    return {};
  }

  Status top(struct archive_entry* e) {
    if (archive_entry_filetype(e) != AE_IFDIR) return Status::bad_request("layer: its top is no folder");
    ::fchown(root_.own(), static_cast<uid_t>(archive_entry_uid(e)), static_cast<gid_t>(archive_entry_gid(e)));
    ::fchmod(root_.own(), archive_entry_perm(e));
    return {};
  }

  Status whiteout(int parent, const std::string& name, const std::string& path) {
    root_.forget();
    if (name == kOpaque) return parent_.path.empty() ? hide_all(path) : make_opaque(parent);
    if (name.starts_with(".wh..wh.")) return {};  // bookkeeping of aufs
    const auto hidden = name.substr(kWhiteout.size());
    if (hidden.empty() || hidden == "." || hidden == "..") return refuse(path, "is no valid whiteout");
    return hide(parent, hidden, path);
  }

  // Hides what the layers below have; what the layer itself has of that name stays.
  static Status hide(int parent, const std::string& name, const std::string& path) {
    if (::mknodat(parent, name.c_str(), S_IFCHR | 0600, makedev(0, 0)) == 0) return {};
    if (errno != EEXIST) return failed(path);
    const Fd own(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    return own ? make_opaque(own.get()) : Status();
  }

  // The mark of an opaque folder means nothing to overlayfs at the top.
  Status hide_all(const std::string& path) {
    const auto below = root_.folders_below("");
    if (!below) return below.error();
    for (const auto& layer : *below) {
      const std::unique_ptr<DIR, int (*)(DIR*)> list(
          ::fdopendir(::openat(layer.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)), &::closedir);
      if (list == nullptr) return failed(path);
      while (const auto* found = ::readdir(list.get())) {
        const std::string name = found->d_name;
        if (name == "." || name == "..") continue;
        if (auto status = hide(root_.own(), name, path); !status.ok()) return status;
      }
    }
    return {};
  }

  Status hard_link(int parent, const std::string& name, const char* target, const std::string& path) {
    const auto from = place_of(target);
    if (!from) return from.error();
    if (from->name.empty()) return refuse(path, "links to the top");
    const auto folder = root_.folder(from->parent);
    if (!folder) return Status(folder.error()).in("layer: " + in_quotes(path));
    const auto source = link_source(*folder, from->name);
    if (!source) return Status(source.error()).in("layer: " + in_quotes(path));
    struct stat info {
    }, there{};
    if (!*source || ::fstat(source->get(), &info) < 0 || is_whiteout(info))
      return refuse(path, "links to " + in_quotes(target) + ", which is not in the image");
    if (S_ISDIR(info.st_mode)) return refuse(path, "links to a folder");
    if (::fstatat(parent, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) == 0) {
      if (there.st_ino == info.st_ino && there.st_dev == info.st_dev) return {};
      if (auto status = remove(parent, name, there, path); !status.ok()) return status;
    }
    if (::linkat(source->get(), "", parent, name.c_str(), AT_EMPTY_PATH) < 0) return failed(path);
    return {};
  }

  // A file of a layer below is copied first, as a link to it on the whole image would have it.
  Expected<Fd> link_source(const MergedRoot::Folder& folder, const std::string& name) {
    const auto own = [&] { return Fd(::openat(folder.fd.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)); };
    if (auto found = own()) return found;
    const auto below = root_.below(folder.path, name);
    if (!below) return below.error();
    struct stat info {};
    if (!*below || ::fstat(below->get(), &info) < 0 || S_ISDIR(info.st_mode)) return Fd();
    auto layers = root_.folders_below(folder.path);
    if (!layers) return layers.error();
    for (const auto& layer : *layers) {
      struct stat same {};
      if (::fstatat(layer.get(), name.c_str(), &same, AT_SYMLINK_NOFOLLOW) < 0) continue;
      if (auto status = copy_node(layer.get(), folder.fd.get(), name, budget_); !status.ok()) return status;
      break;
    }
    return own();
  }

  // With all that is in it.
  Status remove(int parent, const std::string& name, const struct stat& info, const std::string& path) {
    root_.forget();
    entered_ = false;
    if (!S_ISDIR(info.st_mode)) return ::unlinkat(parent, name.c_str(), 0) < 0 ? failed(path) : Status();
    return remove_tree(fs::path("/proc/self/fd") / std::to_string(parent) / name);
  }

  Status make(int parent, const std::string& name, struct archive_entry* e, const std::string& path) {
    struct stat info {};
    const auto type = archive_entry_filetype(e);
    bool opaque = false;
    // A later entry of the same name takes the place of an earlier one.
    if (::fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
      if (S_ISDIR(info.st_mode) && type == AE_IFDIR) return {};
      if (auto status = remove(parent, name, info, path); !status.ok()) return status;
      opaque = type == AE_IFDIR;
    }
    int done = 0;
    switch (type) {
      case AE_IFREG:
        return regular(parent, name, e, path);
      case AE_IFDIR:
        done = ::mkdirat(parent, name.c_str(), 0700);
        // In place of a file or whiteout, it hides what that hid.
        if (done == 0 && opaque) return hide(parent, name, path);
        break;
      case AE_IFLNK:
        if (archive_entry_symlink(e) == nullptr) return refuse(path, "is a link without a readable target");
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
    return done < 0 ? failed(path) : Status();
  }

  // Holes stay holes; they count all the same.
  Status regular(int parent, const std::string& name, struct archive_entry* e, const std::string& path) {
    const auto size = archive_entry_size(e);
    if (size < 0 || static_cast<uint64_t>(size) > budget_.bytes)
      return Status::too_large("layer: it unpacks to more than max_image_bytes");
    budget_.bytes -= static_cast<uint64_t>(size);
    const Fd out(::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!out) return failed(path);
    const void* block = nullptr;
    size_t length = 0;
    la_int64_t at = 0;
    for (;;) {
      const int got = archive_read_data_block(tar_, &block, &length, &at);
      if (got == ARCHIVE_EOF) break;
      if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return archive_status(tar_, "layer: " + in_quotes(path));
      if (at < 0 || at > size || length > static_cast<uint64_t>(size - at))
        return refuse(path, "is longer than it says");
      for (size_t done = 0; done < length;) {
        const auto written =
            ::pwrite(out.get(), static_cast<const char*>(block) + done, length - done, at + static_cast<off_t>(done));
        if (written < 0) return failed(path);
        done += static_cast<size_t>(written);
      }
    }
    return ::ftruncate(out.get(), size) < 0 ? failed(path) : Status();
  }

  Status attributes(int parent, const std::string& name, struct archive_entry* e, const std::string& path) {
    const auto uid = static_cast<uid_t>(archive_entry_uid(e));
    const auto gid = static_cast<gid_t>(archive_entry_gid(e));
    if (::fchownat(parent, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) < 0) return failed(path);
    const bool link = archive_entry_filetype(e) == AE_IFLNK;
    // After the owner: a change of owner clears the set-user-id bit.
    if (!link && ::fchmodat(parent, name.c_str(), archive_entry_perm(e), 0) < 0) return failed(path);
    if (!link) xattrs(parent, name, e);
    const struct timespec modified = {archive_entry_mtime(e), archive_entry_mtime_nsec(e)};
    if (archive_entry_filetype(e) == AE_IFDIR) {
      return root_.times().add(parent_.path.empty() ? name : parent_.path + "/" + name, modified);
    }
    const std::array<struct timespec, 2> times = {modified, modified};
    ::utimensat(parent, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
    return {};
  }

  // overlayfs' own attributes are not the image's to set.
  static void xattrs(int parent, const std::string& name, struct archive_entry* e) {
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
  MergedRoot& root_;
  CopyBudget budget_;
  MergedRoot::Folder parent_;  // of the current entry
  std::string entered_path_;   // by the name it was asked for
  bool entered_ = false;       // the same name still leads there
};

}  // namespace

Expected<Unpacked> unpack_layer(int fd, const fs::path& into, const std::vector<fs::path>& below, uint64_t max_bytes) {
  const Utf8Names names;
  auto root = MergedRoot::open(into, below);
  if (!root) return root.error();
  Source source(max_bytes);
  if (auto status = source.open(fd); !status.ok()) return status;
  const Archive tar(archive_read_new());
  archive_read_support_format_tar(tar.get());
  archive_read_support_format_empty(tar.get());
  source.begin_header();
  if (archive_read_open(tar.get(), &source, nullptr, &Source::read, nullptr) != ARCHIVE_OK) {
    return archive_status(tar.get(), "layer");
  }
  Unpacker unpacker(tar.get(), *root, max_bytes);
  struct archive_entry* entry = nullptr;
  for (;;) {
    source.begin_header();
    const int got = archive_read_next_header(tar.get(), &entry);
    source.end_header();
    if (got == ARCHIVE_EOF) break;
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return archive_status(tar.get(), "layer");
    if (auto status = unpacker.entry(entry); !status.ok()) return status;
    // Content of what has none (a link with a size) is no part of the next header.
    if (archive_read_data_skip(tar.get()) < ARCHIVE_WARN) return archive_status(tar.get(), "layer");
  }
  root->times().apply(root->own());
  auto diff_id = source.finish();
  if (!diff_id) return diff_id.error();
  return Unpacked{std::move(*diff_id), !root->looked_below()};
}

}  // namespace gantry::oci
