// hostPath volumes: the type is checked, and what may be made is made. Stateless; blocks on the disk. [worker]
#pragma once

#include "gantry/resources.hpp"
#include "gantry/status.hpp"

namespace gantry::node {

// "hostPath type check failed: /x is not a directory", as the kubelet says it.
Status check_host_path(const corev1::HostPathVolumeSource& source);

}  // namespace gantry::node
