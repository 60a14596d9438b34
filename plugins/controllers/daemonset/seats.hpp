// A DaemonSet's pods, sorted by the nodes that they are for. Built once a reconcile; borrows nodes and pods. Pure.
#pragma once

#include <vector>

#include "daemon_pods.hpp"
#include "nodes.hpp"

namespace gantry::daemonset {

struct Seat {
  const Node* node = nullptr;
  Fit fit;
  std::vector<const Pod*> pods;  // placed before waiting ones, the oldest first
  const std::string& name() const { return node->metadata().name(); }
};

struct Seats {
  std::vector<Seat> all;             // one a node, by its name
  std::vector<const Pod*> homeless;  // of nodes that are not there
};

// Pods that say no node are left out, as are those that are over and being deleted: somebody else's finalizer holds
// them, and there is nothing left to do.
Seats seat_pods(const std::vector<Node>& nodes, const std::vector<Pod>& pods, const Placement& placement);

}  // namespace gantry::daemonset
