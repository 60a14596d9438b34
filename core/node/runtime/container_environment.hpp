// The environment, command and arguments of a container: env, envFrom, valueFrom, $(VAR) expansion. [worker]
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/node/volumes/objects.hpp"
#include "core/node/volumes/references.hpp"

namespace gantry::node {

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

}  // namespace gantry::node
