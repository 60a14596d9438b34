// What a node's conditions say, and what they say of one that is silent. Pure,
// any thread.
#pragma once

#include <cstdint>

#include "k8s.io/api/core/v1/node.pb.h"

namespace gantry::nodelifecycle {

enum class Ready : uint8_t { kNever, kTrue, kFalse, kUnknown };  // kNever: nobody has said anything yet

const corev1::NodeCondition* ready_condition(const corev1::Node& node);
Ready readiness(const corev1::Node& node);

// Makes the conditions that a kubelet keeps Unknown; false when they are so
// already.
bool make_unknown(corev1::Node& node, int64_t now_ns);

}  // namespace gantry::nodelifecycle
