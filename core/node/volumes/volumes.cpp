// Makes the volumes of pods and names the mounts of their containers.
#include "core/node/volumes/volumes.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "core/node/volumes/safe_path.hpp"
#include "core/node/volumes/volume_files.hpp"

namespace gantry::node {
namespace {

namespace fs = std::filesystem;

// A UID names a folder: nothing in it may lead elsewhere.
bool usable_uid(const std::string& uid) {
  return !uid.empty() && uid != "." && uid != ".." && uid.find('/') == std::string::npos && uid.size() < 256;
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
  fs::path volume_dir(const corev1::Pod& pod, const corev1::Volume& volume, const VolumeKind& kind) const {
    if (kind.place != nullptr) return kind.place(volume.volume_source());
    return pod_dir(pod.metadata().uid()) / "volumes" / kind.folder / volume.name();
  }

  Status set_up_one(const corev1::Pod& pod, const corev1::Volume& volume, const PodFacts& facts) {
    const auto kind = find_volume_kind(volume.volume_source());
    if (!kind) return kind.error();
    const auto dir = volume_dir(pod, volume, **kind);
    return (*kind)->set_up({{pod, facts, objects_}, volume, pod_dir(pod.metadata().uid()), dir});
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
    const auto kind = find_volume_kind(volume->volume_source());
    if (!kind) return kind.error();
    const fs::path root = volume_dir(pod, *volume, **kind);
    VolumeMount out;
    out.host_path = root.string();
    out.container_path = mount.mount_path();
    if (!out.container_path.starts_with('/')) out.container_path.insert(0, "/");
    out.read_only = mount.read_only() || (*kind)->read_only;
    if (mount.mount_propagation() != "None") out.propagation = mount.mount_propagation();
    auto below = sub_path(mount, environment);
    if (!below) return std::move(below).error();
    if (below->empty()) return out;
    auto bound = bind_sub_path(pod, container, mount, index, root, *below);
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
                                      const corev1::VolumeMount& mount, int index, const fs::path& root,
                                      const std::string& below) {
    std::error_code error;
    if (!fs::is_directory(root, error)) return Status::invalid(root.string() + " is not a directory");
    auto fd = open_below(root, below);
    if (!fd) return std::move(fd).error();
    const auto target =
        pod_dir(pod.metadata().uid()) / "volume-subpaths" / mount.name() / container.name() / std::to_string(index);
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
