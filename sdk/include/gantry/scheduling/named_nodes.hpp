// The few nodes that a pod can only go to because it names them, as a daemon's pods do: who places it need not look at
// the others. Pure, any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "k8s.io/api/core/v1/pod_spec.pb.h"

namespace gantry::sdk {

// Sorted, each once; null: some term of what it requires names none, so that any may do.
std::optional<std::vector<std::string>> named_nodes(const corev1::PodSpec& spec);

}  // namespace gantry::sdk
