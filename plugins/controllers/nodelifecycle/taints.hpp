// The taints that a node's state asks for. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "k8s.io/api/core/v1/node.pb.h"

namespace gantry::nodelifecycle {

// What may be done about the NoExecute taint of a node that is not ready.
enum class Execute : uint8_t {
  kKeep,    // the taint stays if it is there, under the name that is right now
  kAdd,     // its turn has come
  kRemove,  // nobody is ready: the fault may be this side's
};

// Whether it has not-ready or unreachable with NoExecute.
bool has_own_no_execute(const corev1::Node& node);
// All with NoExecute, whoever made them.
std::vector<corev1::Taint> no_execute_taints(const corev1::Node& node);

// Brings the taints that follow from conditions and from spec.unschedulable in
// order, and leaves all others; true when that changed something.
bool settle_taints(corev1::Node& node, Execute execute, int64_t now_ns);

}  // namespace gantry::nodelifecycle
