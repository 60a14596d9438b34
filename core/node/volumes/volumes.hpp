// The room of volumes, and of the API objects whose content they show.
//
// Here the volumes of a pod: emptyDir, configMap, secret, downwardAPI, projected (of those three), hostPath.
//
// Below data_dir/pods/UID/volumes/ as the kubelet has them. Projected content is replaced atomically (..data symlink),
// so a reader never sees half of an update. Everything may be called again, and after a crash. [worker], one call a pod
// at a time.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/node/volumes/objects.hpp"
#include "core/node/volumes/references.hpp"

namespace gantry::node {

struct VolumeMount {
  std::string host_path, container_path;
  bool read_only = false;
  std::string propagation;  // "", "HostToContainer", "Bidirectional"
};

class Volumes {
 public:
  virtual ~Volumes() = default;
  // Makes (or refreshes) all volumes of the pod; the first that fails is a FailedMount in the kubelet's words.
  virtual Status set_up(const corev1::Pod& pod, const PodFacts& facts) = 0;
  // Mounts of one container, subPath and subPathExpr included; after set_up.
  virtual Expected<std::vector<VolumeMount>> mounts(
      const corev1::Pod& pod, const corev1::Container& container,
      const std::vector<std::pair<std::string, std::string>>& environment) = 0;
  // Removes the pod's folder with everything in it, never following a mount or a link out of it.
  virtual Status tear_down(const std::string& pod_uid) = 0;
  // Pod UIDs that have a folder (left from before a restart).
  virtual std::vector<std::string> known() const = 0;
  virtual std::filesystem::path pod_dir(const std::string& pod_uid) const = 0;
};

std::unique_ptr<Volumes> make_volumes(std::filesystem::path data_dir, ObjectCache& objects);

}  // namespace gantry::node
