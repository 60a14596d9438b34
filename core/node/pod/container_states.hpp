// The containerStatuses of a pod status. Pure; used by the status builder.
#pragma once

#include "core/node/pod/status_builder.hpp"

namespace gantry::node {

// Fills containerStatuses and initContainerStatuses.
void build_container_statuses(const StatusInput& input, corev1::PodStatus& status);

}  // namespace gantry::node
