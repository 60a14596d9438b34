// hostPath volumes: the type is checked, and what may be made is made. Stateless; blocks on the disk. [worker]
#pragma once

#include "gantry/status.hpp"
#include "k8s.io/api/core/v1/volume.pb.h"

namespace gantry::node {

// "hostPath type check failed: /x is not a directory", as the kubelet says it.
Status check_host_path(const corev1::HostPathVolumeSource& source);

}  // namespace gantry::node
