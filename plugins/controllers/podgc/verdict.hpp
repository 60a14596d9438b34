// What podgc asks of a pod and a node, and what it makes of a pod before it deletes it. Pure, any thread.
#pragma once

#include <cstdint>

#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::podgc {

// Somebody deleted it at once already: what still holds it are finalizers.
bool is_forced(const corev1::Pod& pod);

// Not ready, and somebody said that it is out of service: what runs there will not be confirmed by its agent.
bool is_out_of_service(const corev1::Node& node);

// Phase Failed, for nobody else will say so; false when the pod is over already, and is to be left as it is.
// `node_is_gone`: with the condition that says so.
bool mark_failed(corev1::Pod& pod, bool node_is_gone, int64_t now_ns);

}  // namespace gantry::podgc
