#include "spool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "digest.hpp"
#include "libarchive.hpp"

namespace gantry::oci {
namespace {

// "./a/b" and "a//b" are "a/b"; ".." makes a name that is never looked for.
std::string plain_name(const char* name) {
  return name == nullptr ? std::string() : fs::path(name).relative_path().lexically_normal().string();
}

Status too_large() { return Status::too_large("the image archive is larger than max_image_bytes"); }

Expected<SpooledFile> copy_entry(struct archive* a, struct archive_entry* entry, fs::path path, uint64_t& budget) {
  if (archive_entry_size(entry) > static_cast<int64_t>(std::min<uint64_t>(budget, INT64_MAX))) return too_large();
  const Fd out(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out) return errno_status(path.string());
  SpooledFile file{std::move(path), {}, 0};
  Sha256 sum;
  std::array<char, 65536> chunk;
  for (;;) {
    const auto n = archive_read_data(a, chunk.data(), chunk.size());
    if (n < 0) return archive_status(a, "image archive");
    if (n == 0) break;
    const auto size = static_cast<size_t>(n);
    if (size > budget) return too_large();
    budget -= size;
    sum.add({chunk.data(), size});
    for (size_t done = 0; done < size;) {
      const auto written = ::write(out.get(), chunk.data() + done, size - done);
      if (written < 0) return errno_status(file.path.string());
      done += static_cast<size_t>(written);
    }
    file.size += size;
  }
  file.sha256 = sum.hex();
  return file;
}

}  // namespace

Spool::Spool(Spool&& other) noexcept
    : folder_(std::exchange(other.folder_, {})), files_(std::move(other.files_)), links_(std::move(other.links_)) {}

Spool::~Spool() {
  if (!folder_.empty()) static_cast<void>(remove_tree(folder_));
}

Expected<Spool> Spool::read(int fd, const fs::path& folder, uint64_t max_bytes) {
  if (auto status = make_dirs(folder); !status.ok()) return status;
  Spool spool(folder);
  if (auto status = spool.take(fd, max_bytes); !status.ok()) return status;
  return spool;
}

Status Spool::take(int fd, uint64_t max_bytes) {
  const Utf8Names names;
  const Archive a(archive_read_new());
  archive_read_support_format_tar(a.get());
  support_image_filters(a.get());
  if (archive_read_open_fd(a.get(), fd, 65536) != ARCHIVE_OK) return archive_status(a.get(), "image archive");
  auto budget = max_bytes;
  struct archive_entry* entry = nullptr;
  for (size_t number = 0;; number++) {
    const int got = archive_read_next_header(a.get(), &entry);
    if (got == ARCHIVE_EOF) return {};
    if (got != ARCHIVE_OK && got != ARCHIVE_WARN) return archive_status(a.get(), "image archive");
    if (number > 100000) return Status::too_large("the image archive has too many entries");
    const auto name = plain_name(archive_entry_pathname(entry));
    if (name.empty()) continue;
    if (const char* target = archive_entry_hardlink(entry)) {
      links_[name] = plain_name(target);
    } else if (const char* symlink = archive_entry_symlink(entry)) {
      links_[name] = (fs::path(name).parent_path() / symlink).lexically_normal().string();
    } else if (archive_entry_filetype(entry) == AE_IFREG) {
      auto file = copy_entry(a.get(), entry, folder_ / std::to_string(number), budget);
      if (!file) return file.error();
      files_[name] = std::move(*file);
    }
  }
}

const SpooledFile* Spool::find(const std::string& name) const {
  auto wanted = plain_name(name.c_str());
  for (int hops = 0; hops < 8; hops++) {
    if (const auto it = files_.find(wanted); it != files_.end()) return &it->second;
    const auto link = links_.find(wanted);
    if (link == links_.end()) return nullptr;
    wanted = link->second;
  }
  return nullptr;
}

Expected<std::string> Spool::text(const std::string& name) const {
  const auto* file = find(name);
  if (file == nullptr) return Status::bad_request("the image archive has no " + name);
  return read_file(file->path, 8u << 20);
}

}  // namespace gantry::oci
