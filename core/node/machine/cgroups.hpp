// The cgroups that hold pods: ROOT, ROOT/burstable, ROOT/besteffort, and podUID below, on v1, v2 and hybrid hosts.
//
// Containers' own cgroups are the runtime's. Level-triggered: everything may be called again. [any-thread]
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

#include "core/node/machine/qos.hpp"
#include "gantry/status.hpp"

namespace gantry::node {

class Cgroups {
 public:
  // Where the host has its hierarchies, from /proc/self/mountinfo; `root` names the parent of all pods' cgroups.
  static Cgroups of_host(const std::string& root);
  struct Mounts {
    std::vector<std::pair<std::string, std::filesystem::path>> v1;  // controller and its folder
    std::filesystem::path v2;                                       // empty: none
  };
  Cgroups(std::string root, Mounts mounts) : root_(std::move(root)), mounts_(std::move(mounts)) {}
  static Mounts parse_mounts(const std::string& mountinfo);

  bool unified() const { return mounts_.v1.empty() && !mounts_.v2.empty(); }
  // "/gantry/burstable/podUID".
  std::string pod_cgroup(const corev1::Pod& pod) const;
  Status make(const corev1::Pod& pod) const;
  // Whichever class the pod has; what is left in it must have ended.
  Status remove(const std::string& pod_uid) const;
  // UIDs of pods that have a cgroup.
  std::vector<std::string> known() const;

 private:
  std::vector<std::filesystem::path> hierarchies() const;
  Status make_level(const std::string& path, const CgroupLimits& limits) const;

  std::string root_;
  Mounts mounts_;
};

}  // namespace gantry::node
