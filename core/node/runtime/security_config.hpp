// Security contexts of pods and containers in CRI's words. Pure; used for container_config.
#pragma once

#include "core/node/runtime/runtime_client.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

cri::NamespaceOption namespace_options(const corev1::Pod& pod);
cri::LinuxSandboxSecurityContext sandbox_security(const corev1::Pod& pod);
cri::LinuxContainerSecurityContext container_security(const corev1::Pod& pod, const corev1::Container& container);
// runAsNonRoot against the user of spec and image.
Status check_non_root(const corev1::Pod& pod, const corev1::Container& container, const cri::Image& image);

}  // namespace gantry::node
