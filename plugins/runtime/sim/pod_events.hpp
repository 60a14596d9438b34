// The events that a kubelet records of a pod, for those who want to see them: off by default, for each is a write. Pure
// but for the host's recorder, which does not wait.
#pragma once

#include <vector>

#include "gantry/host.hpp"
#include "hollow_pod.hpp"

namespace gantry::sim {

// What happened between `before` and now.
void record_events(const sdk::Host& host, const corev1::Pod& pod, const std::vector<HollowContainer>& before,
                   const HollowPod& now);

}  // namespace gantry::sim
