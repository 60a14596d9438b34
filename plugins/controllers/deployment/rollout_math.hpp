// How many pods each set may have at this moment of a rollout. Pure, any thread.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "gantry/status.hpp"
#include "replica_sets.hpp"

namespace gantry::deployment {

// How far a rollout may leave the wanted number; both 0 with Recreate.
struct Limits {
  int32_t surge = 0;
  int32_t unavailable = 0;
};

// Never both 0 in a rolling update: nothing could move.
Expected<Limits> limits_of(const Deployment& deployment);

// What the new set may grow to now, given all sets.
int32_t new_set_size(const Deployment& deployment, const Limits& limits, const ReplicaSet& fresh, const Sets& all);

// Whether the new set has all the pods that are wanted, available, and knows of the current size.
bool is_saturated(const Deployment& deployment, const ReplicaSet* fresh);

// The sizes of several active sets when the Deployment's changes in the middle of a rollout: each in proportion to what
// it had, what rounding leaves to the largest.
using Sizes = std::vector<std::pair<ReplicaSet*, int32_t>>;
Sizes proportional_sizes(const Deployment& deployment, const Limits& limits, Sets active);

// How the old sets shrink in one step of a rolling update: first pods that do not work, then as many others as can be
// spared.
Sizes shrink_unhealthy(Sets old, int32_t limit);
Sizes shrink_healthy(Sets old, int32_t spare);

// Pods the old sets can lose before fewer than wanted minus `unavailable` could be running, not counting on new ones
// that are not available yet.
int32_t most_to_shrink(const Deployment& deployment, const Limits& limits, const ReplicaSet& fresh, const Sets& all);

// Available pods beyond those that must be. A set that was just made smaller still reports the pods that it is about to
// end: they count no more, or they would be spared twice.
int32_t available_to_spare(const Deployment& deployment, const Limits& limits, const Sets& all);

}  // namespace gantry::deployment
