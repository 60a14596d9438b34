// One step of a rolling update: which old pods go, and which nodes get a second pod, within maxUnavailable and
// maxSurge. Pure, any thread.
#pragma once

#include "plan.hpp"

namespace gantry::daemonset {

// How many nodes may be without a working pod, and how many may have one more, while a rollout goes on.
struct Limits {
  int64_t surge = 0;
  int64_t unavailable = 0;
};
// Shares are of the nodes that shall have a pod, rounded up. Never both 0: nothing could move.
Expected<Limits> limits_of(const DaemonSet& set, int64_t wanted);

// For a time when nothing else is to be done: every wanted node has a pod, and no more than it may have.
Plan plan_rolling_update(const View& view, const Seats& seats, const Limits& limits);

int64_t count_wanted(const Seats& seats);

}  // namespace gantry::daemonset
