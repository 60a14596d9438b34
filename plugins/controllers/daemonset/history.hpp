// The versions of a DaemonSet's template, as ControllerRevisions. [worker]
#pragma once

#include <string>
#include <vector>

#include "daemon_pods.hpp"
#include "gantry/revisions.hpp"

namespace gantry::daemonset {

struct History {
  std::string hash;    // of the present template: what pods of it carry
  sdk::Revisions old;  // sorted
};

// Finds the present template's revision, or makes it; a former one that is present again gets a new number. Several of
// one template become one, and `pods` that carry the hash of another get that of the one that stays. `collisions` is to
// be stored in the status, also after an error.
Expected<History> read_history(const sdk::Host& host, const DaemonSet& set, const std::vector<Pod>& pods,
                               int32_t& collisions);

// Deletes old ones beyond the set's limit, the oldest first, but none that a pod is of.
Status trim_history(const sdk::Host& host, const DaemonSet& set, const History& history, const std::vector<Pod>& pods);

}  // namespace gantry::daemonset
