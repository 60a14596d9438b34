// What a DaemonSet's status says of its nodes and pods. Pure, any thread.
#pragma once

#include "plan.hpp"

namespace gantry::daemonset {

// Counts nodes, by the pod that stands first on each. Conditions and collisions stay.
appsv1::DaemonSetStatus next_status(const View& view, const Seats& seats);

// Whether writing `b` in place of `a` would change nothing.
bool same_status(const appsv1::DaemonSetStatus& a, const appsv1::DaemonSetStatus& b);

}  // namespace gantry::daemonset
