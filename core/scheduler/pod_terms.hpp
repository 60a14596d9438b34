// What a pod's spec.affinity says about other pods, read once. Pure functions.
#pragma once

#include <vector>

#include "core/scheduler/matcher.hpp"
#include "core/scheduler/pod_info.hpp"

namespace gantry::scheduler {

// What others that come later have to heed, or are rated by, while the pod is on a node.
std::vector<PodTerm> read_terms(const corev1::Pod& pod);

// Which pods a term of a pod of this namespace is about.
Selection read_selection(const corev1::PodAffinityTerm& term, const std::string& ns);

}  // namespace gantry::scheduler
