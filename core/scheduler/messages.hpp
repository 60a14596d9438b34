// What the scheduler writes: bindings, references, conditions, and the sentence of a FailedScheduling event. Pure
// functions.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "core/scheduler/pod_info.hpp"

namespace gantry::scheduler {

// "0/3 nodes are available: 1 Insufficient memory, 2 Insufficient cpu."
std::string fit_error(size_t nodes, const std::map<std::string, size_t, std::less<>>& reasons);
std::string binding_body(const WaitingPod& pod, const std::string& node);  // core/v1 Binding, protobuf
std::string reference_body(const WaitingPod& pod);                         // core/v1 ObjectReference, protobuf
std::string reference_body(const PodInfo& pod);
// The PodScheduled=False condition, and the node that is being cleared for the pod (empty: none any more), as a
// strategic merge patch of the status.
std::string unschedulable_patch(const WaitingPod& pod, const std::string& message, int64_t now_unix_ns,
                                const std::optional<std::string>& nominated = {});
// That the pod has to go for one of more priority.
std::string preempted_patch(const PodInfo& victim, const std::string& scheduler, int64_t now_unix_ns);
std::string not_nominated_patch(const PodInfo& pod);

}  // namespace gantry::scheduler
