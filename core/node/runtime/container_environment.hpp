// The environment, command and arguments of a container: env, envFrom, valueFrom, $(VAR) expansion. [worker]
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/node/volumes/objects.hpp"

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

// Values are bytes: a Secret's need be no text. Failure is a CreateContainerConfigError in the kubelet's words
// ("configmap \"x\" not found", "couldn't find key k in ConfigMap ns/x").
Expected<std::vector<std::pair<std::string, std::string>>> container_environment(const corev1::Pod& pod,
                                                                                 const corev1::Container& container,
                                                                                 const PodFacts& facts,
                                                                                 ObjectCache& objects);

struct CommandLine {
  std::vector<std::string> command, args;
};
CommandLine container_command(const corev1::Container& container,
                              const std::vector<std::pair<std::string, std::string>>& environment);

// A fieldRef of a pod ("metadata.labels['a']", "status.podIP", ...), for env and downwardAPI volumes.
Expected<std::string> field_value(const corev1::Pod& pod, const std::string& path, const PodFacts& facts);
// A resourceFieldRef ("limits.cpu" by its divisor, rounded up); `container` is meant when the selector names none.
Expected<std::string> resource_value(const corev1::Pod& pod, const corev1::ResourceFieldSelector& selector,
                                     const std::string& container, const PodFacts& facts);

}  // namespace gantry::node
