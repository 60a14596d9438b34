// hostPath: a path of this machine. Its type is checked, and what may be made is made.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/files/unique_fd.hpp"
#include "core/node/volumes/volume_files.hpp"

namespace gantry::node::volume_kinds::host_path {
namespace {

Status make_file(const std::string& path) {
  const io::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  // What is there already but can't be opened this way (a folder) is told by the check that follows.
  if (!fd.valid() && errno != EISDIR) return failed_with_errno("open " + path);
  return {};
}

// "hostPath type check failed: /x is not a directory", as the kubelet says it.
Status set_up(const VolumeSetUp& task) {
  const auto& path = task.source().host_path().path();
  const auto& type = task.source().host_path().type();
  if (path.empty()) return Status::invalid("host path is empty");
  struct stat info {};
  bool there = ::stat(path.c_str(), &info) == 0;
  if (!there && (type.empty() || type == "DirectoryOrCreate" || type == "FileOrCreate")) {
    // Without a type runtimes make a folder too, so that the mount has something to stand on.
    auto made = type == "FileOrCreate" ? make_file(path) : make_dirs(path);
    if (!made.ok()) return made;
    there = ::stat(path.c_str(), &info) == 0;
  }
  const auto fail = [&](const char* what) {
    return Status::invalid("hostPath type check failed: " + path + " is not " + what);
  };
  const mode_t mode = there ? info.st_mode : 0;
  if (type.empty()) return {};
  if (type == "Directory" || type == "DirectoryOrCreate") return S_ISDIR(mode) ? Status() : fail("a directory");
  if (type == "File" || type == "FileOrCreate") return S_ISREG(mode) ? Status() : fail("a file");
  if (type == "Socket") return S_ISSOCK(mode) ? Status() : fail("a socket file");
  if (type == "CharDevice") return S_ISCHR(mode) ? Status() : fail("a character device");
  if (type == "BlockDevice") return S_ISBLK(mode) ? Status() : fail("a block device");
  return Status::invalid(type + " is an invalid volume type");
}

}  // namespace

VolumeKind kind() {
  return {.is = [](const corev1::VolumeSource& source) { return source.has_host_path(); },
          .place = [](const corev1::VolumeSource& source) -> const std::string& { return source.host_path().path(); },
          .set_up = set_up};
}

}  // namespace gantry::node::volume_kinds::host_path
