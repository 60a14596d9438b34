// What a pod's specification refers to beside API objects: its own fields, its containers' resources, variables. Pure,
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/status.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

// What downward references need beyond the pod's own document.
struct PodFacts {
  std::string node_name, host_ip, pod_ip;
  std::vector<std::string> host_ips, pod_ips;
  // The node's allocatable, for limits a container does not set (resourceFieldRef).
  int64_t allocatable_cpu_milli = 0, allocatable_memory = 0;
};

// "$(VAR)" of known names is replaced, "$$" escapes, unknown references stay as they are.
std::string expand(std::string_view text, const std::vector<std::pair<std::string, std::string>>& environment);

// A fieldRef of a pod ("metadata.labels['a']", "status.podIP", ...), for env and downwardAPI volumes.
Expected<std::string> field_value(const corev1::Pod& pod, const std::string& path, const PodFacts& facts);
// A resourceFieldRef ("limits.cpu" by its divisor, rounded up); `container` is meant when the selector names none.
Expected<std::string> resource_value(const corev1::Pod& pod, const corev1::ResourceFieldSelector& selector,
                                     const std::string& container, const PodFacts& facts);

}  // namespace gantry::node
