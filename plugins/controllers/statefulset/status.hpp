// What a StatefulSet's status says, computed from its pods. Pure, any thread.
#pragma once

#include "plan.hpp"

namespace gantry::statefulset {

using appsv1::StatefulSetStatus;

// `pods` are all that the set owns; `replaced` of them are about to be deleted for the update.
StatefulSetStatus next_status(const Scene& scene, const std::vector<Pod>& pods, int32_t collisions,
                              const std::vector<const Pod*>& replaced);

// Whether writing `next` would change nothing. Absent and zero counts are the same to the API.
bool same_status(const StatefulSetStatus& a, const StatefulSetStatus& b);

}  // namespace gantry::statefulset
