// The scheduler's view of the nodes and what runs on them, kept up to date event by event.
//
// A pod is "assumed" on its node the moment it is chosen, so that the next decision sees it; the watch later confirms
// it or a failed binding takes it back. Used by the scheduling thread and the watch callbacks under one lock of the
// Scheduler's; no lock of its own.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/scheduler/node_state.hpp"
#include "core/scheduler/pod_info.hpp"
#include "core/scheduler/tallies.hpp"

namespace gantry::scheduler {

class NodeCache {
 public:
  // What is new of it.
  Changes set_node(NodeFacts facts);
  void remove_node(const std::string& name);
  // A pod that is on a node: assumed to be, or assigned by what the watch tells. Again for the same uid: replaces.
  void add_pod(const PodPtr& pod, const std::string& node, bool assumed = false);
  // True when it was there.
  bool remove_pod(const std::string& uid);
  // The same for one that was assumed, unless the watch has told where it is meanwhile.
  bool remove_assumed(const PodPtr& pod);
  // What if it were not there, and word of nothing: `put_back` what `lift` gives before anything else happens.
  struct Placed {
    PodPtr pod;
    NodeState* node = nullptr;
    bool told = false;  // by the watch, not assumed
  };
  Placed lift(const std::string& uid);
  void put_back(const Placed& placed);
  bool has_pod(const std::string& uid) const { return pods_.contains(uid); }

  // Present nodes, in a stable order for round robin.
  const std::vector<NodeState*>& nodes() const { return order_; }
  NodeState* find(const std::string& name) const;  // a present one, or null
  size_t pod_count() const { return pods_.size(); }
  Tallies& tallies() { return tallies_; }
  // One with the same nodes and namespaces, and no pods.
  NodeCache without_pods() const;

 private:
  NodeState& state(const std::string& name);
  void forget_if_empty(const std::string& name);

  std::unordered_map<std::string, std::unique_ptr<NodeState>> by_name_;
  std::vector<NodeState*> order_;
  std::unordered_map<std::string, Placed> pods_;  // by uid
  Tallies tallies_;
};

}  // namespace gantry::scheduler
