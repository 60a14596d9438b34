// What this controller writes to the pods of a node: many at once. [worker]
#pragma once

#include <vector>

#include "gantry/host.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::nodelifecycle {

using PodRefs = std::vector<const corev1::Pod*>;

// Their condition Ready becomes False, with an Event for each: their node says
// nothing of them any more. Pods that are not ready are left alone.
Status mark_not_ready(const sdk::Host& host, const PodRefs& pods);

// Says in their conditions why they go, and deletes them.
Status evict(const sdk::Host& host, const PodRefs& pods);

}  // namespace gantry::nodelifecycle
