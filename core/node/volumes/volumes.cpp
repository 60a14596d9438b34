// Makes the volumes of pods and names the mounts of their containers.
#include "core/node/volumes/volumes.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "core/node/volumes/host_path.hpp"
#include "core/node/volumes/safe_path.hpp"
#include "core/node/volumes/volume_content.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::node {
namespace {

namespace fs = std::filesystem;

// A UID names a folder: nothing in it may lead elsewhere.
bool usable_uid(const std::string& uid) {
  return !uid.empty() && uid != "." && uid != ".." && uid.find('/') == std::string::npos && uid.size() < 256;
}

// The folder of a volume's kind, as the kubelet names it; empty for kinds that have none here.
std::string plugin_dir(const corev1::VolumeSource& source) {
  if (source.has_config_map()) return "kubernetes.io~configmap";
  if (source.has_secret()) return "kubernetes.io~secret";
  if (source.has_downward_api()) return "kubernetes.io~downward-api";
  if (source.has_projected()) return "kubernetes.io~projected";
  if (source.has_empty_dir()) return "kubernetes.io~empty-dir";
  return {};
}

bool always_read_only(const corev1::VolumeSource& source) {
  return source.has_config_map() || source.has_secret() || source.has_downward_api() || source.has_projected();
}

// How the field is called in manifests, for those that this node has no way to mount.
std::string kind_name(const corev1::VolumeSource& source) {
  if (source.has_persistent_volume_claim()) return "persistentVolumeClaim";
  if (source.has_nfs()) return "nfs";
  if (source.has_csi()) return "csi";
  if (source.has_ephemeral()) return "ephemeral";
  if (source.has_image()) return "image";
  if (source.has_iscsi()) return "iscsi";
  return "this kind of";
}

std::optional<gid_t> fs_group(const corev1::Pod& pod) {
  const auto& context = pod.spec().security_context();
  if (!context.has_fs_group()) return std::nullopt;
  return static_cast<gid_t>(context.fs_group());
}

Status mount_tmpfs(const fs::path& dir, const std::string& options) {
  if (::mount("tmpfs", dir.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) == 0) return {};
  return failed_with_errno("mounting tmpfs on " + dir.string());
}

// Open to every user of the pod, or to its group as well when the pod has one.
Status open_to_pod(const fs::path& dir, std::optional<gid_t> group) {
  if (group && ::chown(dir.c_str(), static_cast<uid_t>(-1), *group) != 0)
    return failed_with_errno("owner of " + dir.string());
  if (::chmod(dir.c_str(), group ? 02777 : 0777) != 0) return failed_with_errno("mode of " + dir.string());
  return {};
}

Status make_dirs(const fs::path& dir) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return Status::internal("mkdir " + dir.string() + ": " + error.message());
  return {};
}

class VolumesImpl final : public Volumes {
 public:
  VolumesImpl(fs::path data_dir, ObjectCache& objects) : pods_(std::move(data_dir) / "pods"), objects_(objects) {}

  fs::path pod_dir(const std::string& uid) const override { return pods_ / uid; }

  Status set_up(const corev1::Pod& pod, const PodFacts& facts) override {
    const auto& uid = pod.metadata().uid();
    if (!usable_uid(uid)) return Status::invalid("the pod's UID \"" + uid + "\" is no name for a folder");
    if (auto made = make_dirs(pod_dir(uid)); !made.ok()) return made;
    // Tokens and secrets of a pod are nobody else's business on this machine.
    if (::chmod(pod_dir(uid).c_str(), 0750) != 0) return failed_with_errno("mode of " + pod_dir(uid).string());
    for (const auto& volume : pod.spec().volumes()) {
      auto done = set_up_one(pod, volume, facts);
      if (!done.ok()) {
        return Status(done.code(), done.reason(),
                      "MountVolume.SetUp failed for volume \"" + volume.name() + "\" : " + done.message());
      }
    }
    return {};
  }

  Expected<std::vector<VolumeMount>> mounts(
      const corev1::Pod& pod, const corev1::Container& container,
      const std::vector<std::pair<std::string, std::string>>& environment) override {
    std::vector<VolumeMount> out;
    for (int i = 0; i < container.volume_mounts_size(); ++i) {
      auto one = mount_of(pod, container, i, environment);
      if (!one) return std::move(one).error();
      out.push_back(*std::move(one));
    }
    return out;
  }

  Status tear_down(const std::string& uid) override {
    if (!usable_uid(uid)) return Status::invalid("\"" + uid + "\" is no pod's UID");
    const auto dir = pod_dir(uid);
    if (auto done = unmount_below(dir); !done.ok()) return done;
    return remove_tree(dir);
  }

  std::vector<std::string> known() const override {
    std::vector<std::string> out;
    std::error_code error;
    for (fs::directory_iterator it(pods_, error), end; !error && it != end; it.increment(error)) {
      if (it->is_directory(error)) out.push_back(it->path().filename().string());
    }
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  fs::path volume_dir(const corev1::Pod& pod, const corev1::Volume& volume) const {
    const auto& source = volume.volume_source();
    if (source.has_host_path()) return source.host_path().path();
    return pod_dir(pod.metadata().uid()) / "volumes" / plugin_dir(source) / volume.name();
  }

  Status set_up_one(const corev1::Pod& pod, const corev1::Volume& volume, const PodFacts& facts) {
    const auto& source = volume.volume_source();
    if (source.has_host_path()) return check_host_path(source.host_path());
    if (plugin_dir(source).empty()) {
      return Status::invalid("no volume plugin matched: " + kind_name(source) +
                             " volumes are not supported by this node");
    }
    const auto dir = volume_dir(pod, volume);
    if (source.has_empty_dir()) return set_up_empty_dir(pod, volume.name(), source.empty_dir(), dir, facts);
    auto files = volume_content(pod, source, facts, objects_);
    if (!files) return std::move(files).error();
    if (auto made = make_dirs(dir); !made.ok()) return made;
    const auto group = fs_group(pod);
    if (secret_content(source) && !is_mount_point(dir)) {
      // Where tmpfs is not to be had, a folder that only root can reach has to do.
      if (mount_tmpfs(dir, "mode=0777").ok()) ::chmod(dir.c_str(), 0777);
    }
    struct stat info {};
    if (::stat(dir.c_str(), &info) != 0) return failed_with_errno("looking at " + dir.string());
    const bool open = (info.st_mode & 0777) == 0777 && (!group || info.st_gid == *group);
    if (auto done = open ? Status() : open_to_pod(dir, group); !done.ok()) return done;
    if (group) {
      for (auto& [path, file] : *files) file.mode |= 0440;
    }
    return write_projected_files(dir, *files, group);
  }

  // The ready mark says that it was made completely: what a container changed of its mode since then stays.
  Status set_up_empty_dir(const corev1::Pod& pod, const std::string& name, const corev1::EmptyDirVolumeSource& source,
                          const fs::path& dir, const PodFacts& facts) {
    const bool memory = source.medium() == "Memory";
    if (!memory && !source.medium().empty()) {
      return Status::invalid("medium " + source.medium() + " is not supported by this node");
    }
    const auto mark = pod_dir(pod.metadata().uid()) / "plugins" / "kubernetes.io~empty-dir" / name / "ready";
    std::error_code error;
    if (fs::exists(mark, error) && fs::exists(dir, error) && (!memory || is_mount_point(dir))) return {};
    if (auto made = make_dirs(dir); !made.ok()) return made;
    if (memory && !is_mount_point(dir)) {
      if (auto mounted = mount_tmpfs(dir, tmpfs_options(pod, source, facts)); !mounted.ok()) return mounted;
    }
    if (auto opened = open_to_pod(dir, fs_group(pod)); !opened.ok()) return opened;
    if (auto made = make_dirs(mark.parent_path()); !made.ok()) return made;
    const io::UniqueFd fd(::open(mark.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    return fd.valid() ? Status() : failed_with_errno("making " + mark.string());
  }

  // Bounded by the volume's own limit, by what the pod's containers may use together, and by the node.
  static std::string tmpfs_options(const corev1::Pod& pod, const corev1::EmptyDirVolumeSource& source,
                                   const PodFacts& facts) {
    const auto read = [](const std::string& text) {
      const auto quantity = schema::Quantity::parse(text);
      return quantity ? quantity->value() : int64_t{0};
    };
    int64_t pod_limit = 0;
    for (const auto& container : pod.spec().containers()) {
      const auto it = container.resources().limits().find("memory");
      const int64_t limit = it == container.resources().limits().end() ? 0 : read(it->second.string());
      if (limit == 0) {
        pod_limit = 0;
        break;
      }
      pod_limit += limit;
    }
    int64_t size = 0;
    for (const int64_t bound :
         {source.has_size_limit() ? read(source.size_limit().string()) : 0, pod_limit, facts.allocatable_memory}) {
      if (bound > 0) size = size == 0 ? bound : std::min(size, bound);
    }
    return size > 0 ? "mode=0777,size=" + std::to_string(size) : "mode=0777";
  }

  Expected<VolumeMount> mount_of(const corev1::Pod& pod, const corev1::Container& container, int index,
                                 const std::vector<std::pair<std::string, std::string>>& environment) {
    const auto& mount = container.volume_mounts(index);
    const auto& volumes = pod.spec().volumes();
    const auto volume =
        std::find_if(volumes.begin(), volumes.end(), [&](const corev1::Volume& v) { return v.name() == mount.name(); });
    if (volume == volumes.end()) {
      return Status::not_found("cannot find volume \"" + mount.name() + "\" to mount into container \"" +
                               container.name() + "\"");
    }
    VolumeMount out;
    out.host_path = volume_dir(pod, *volume).string();
    out.container_path = mount.mount_path();
    if (!out.container_path.starts_with('/')) out.container_path.insert(0, "/");
    out.read_only = mount.read_only() || always_read_only(volume->volume_source());
    if (mount.mount_propagation() != "None") out.propagation = mount.mount_propagation();
    auto below = sub_path(mount, environment);
    if (!below) return std::move(below).error();
    if (below->empty()) return out;
    auto bound = bind_sub_path(pod, container, *volume, index, *below);
    if (!bound) {
      return Status(bound.error().code(), bound.error().reason(),
                    "failed to prepare subPath for volumeMount \"" + mount.name() + "\" of container \"" +
                        container.name() + "\": " + bound.error().message());
    }
    out.host_path = *bound;
    return out;
  }

  static Expected<std::string> sub_path(const corev1::VolumeMount& mount,
                                        const std::vector<std::pair<std::string, std::string>>& environment) {
    std::string path = mount.sub_path();
    if (!mount.sub_path_expr().empty()) {
      // A reference that has no value would otherwise become a folder of that name.
      std::vector<std::pair<std::string, std::string>> filled;
      std::copy_if(environment.begin(), environment.end(), std::back_inserter(filled),
                   [](const auto& variable) { return !variable.second.empty(); });
      path = expand(mount.sub_path_expr(), filled);
      const auto open = path.find("$(");
      const auto close = path.find(')', open == std::string::npos ? 0 : open);
      if (open != std::string::npos && close != std::string::npos) {
        return Status::invalid("missing value for \"" + path.substr(open + 2, close - open - 2) + "\"");
      }
    }
    if (path.starts_with('/')) return Status::invalid("error SubPath `" + path + "` must not be an absolute path");
    for (const auto& part : fs::path(path)) {
      if (part == "..") return Status::invalid("unable to provision SubPath `" + path + "`: must not contain '..'");
    }
    return path;
  }

  // Bound to a path of ours, so that the runtime mounts what was opened here, whatever the pod's other containers do.
  Expected<std::string> bind_sub_path(const corev1::Pod& pod, const corev1::Container& container,
                                      const corev1::Volume& volume, int index, const std::string& below) {
    fs::path root = volume_dir(pod, volume);
    std::error_code error;
    if (volume.volume_source().has_host_path() && !fs::is_directory(root, error)) {
      return Status::invalid(root.string() + " is not a directory");
    }
    auto fd = open_below(root, below);
    if (!fd) return std::move(fd).error();
    const auto target =
        pod_dir(pod.metadata().uid()) / "volume-subpaths" / volume.name() / container.name() / std::to_string(index);
    if (auto bound = bind_to(*fd, target); !bound.ok()) return bound;
    return target.string();
  }

  const fs::path pods_;
  ObjectCache& objects_;
};

}  // namespace

std::unique_ptr<Volumes> make_volumes(fs::path data_dir, ObjectCache& objects) {
  return std::make_unique<VolumesImpl>(std::move(data_dir), objects);
}

}  // namespace gantry::node
