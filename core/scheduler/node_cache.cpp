#include "core/scheduler/node_cache.hpp"

#include <algorithm>

namespace gantry::scheduler {

NodeState& NodeCache::state(const std::string& name) {
  auto& slot = by_name_[name];
  if (slot == nullptr) {
    slot = std::make_unique<NodeState>();
    slot->facts.name = name;
  }
  return *slot;
}

Changes NodeCache::set_node(NodeFacts facts) {
  NodeState& node = state(facts.name);
  const Changes changes = node.present ? facts.since(node.facts) : Changes::kNodeAdded;
  const bool recount = meet(changes, Changes::kNodeAdded | Changes::kLabels | Changes::kTaints);
  if (recount && node.present) tallies_.leave(node);
  if (!node.present) order_.push_back(&node);
  node.present = true;
  node.facts = std::move(facts);
  if (recount) tallies_.enter(node);
  return changes;
}

NodeState* NodeCache::find(const std::string& name) const {
  const auto it = by_name_.find(name);
  return it != by_name_.end() && it->second->present ? it->second.get() : nullptr;
}

void NodeCache::forget_if_empty(const std::string& name) {
  const auto it = by_name_.find(name);
  if (it != by_name_.end() && !it->second->present && it->second->pods == 0) by_name_.erase(it);
}

void NodeCache::remove_node(const std::string& name) {
  const auto it = by_name_.find(name);
  if (it == by_name_.end()) return;
  if (it->second->present) tallies_.leave(*it->second);
  std::erase(order_, it->second.get());
  it->second->present = false;
  forget_if_empty(name);
}

void NodeCache::add_pod(const PodPtr& pod, const std::string& node_name, bool assumed) {
  if (const auto it = pods_.find(pod->uid); it != pods_.end()) {
    // Most of what the watch tells of pods with a node is that their status has changed.
    Placed& placed = it->second;
    if (placed.node->facts.name == node_name && counts_the_same(*placed.pod, *pod)) {
      if (!placed.told && !assumed) {  // what was assumed remembers more than is needed from now on
        tallies_.replace(*placed.pod, *pod, *placed.node);
        std::replace(placed.node->residents.begin(), placed.node->residents.end(), placed.pod, pod);
        placed.pod = pod;
        placed.told = true;
      }
      return;
    }
    remove_pod(pod->uid);
  }
  put_back({pod, &state(node_name), !assumed});
}

void NodeCache::put_back(const Placed& placed) {
  NodeState& node = *placed.node;
  const PodInfo& pod = *placed.pod;
  node.requested.count_in(pod.requests);
  node.scored.count_in(pod.scored);
  ++node.pods;
  node.residents.push_back(placed.pod);
  for (const auto& port : pod.ports) node.ports.add(port);
  tallies_.add(pod, node);
  pods_[pod.uid] = placed;
}

NodeCache::Placed NodeCache::lift(const std::string& uid) {
  const auto it = pods_.find(uid);
  if (it == pods_.end()) return {};
  const Placed placed = it->second;
  NodeState& node = *placed.node;
  const PodInfo& pod = *placed.pod;
  pods_.erase(it);
  node.requested.count_out(pod.requests);
  node.scored.count_out(pod.scored);
  --node.pods;
  const auto here = std::find(node.residents.begin(), node.residents.end(), placed.pod);
  *here = std::move(node.residents.back());
  node.residents.pop_back();
  for (const auto& port : pod.ports) node.ports.remove(port);
  tallies_.remove(pod, node);
  return placed;
}

bool NodeCache::remove_pod(const std::string& uid) {
  const Placed placed = lift(uid);
  if (placed.node == nullptr) return false;
  forget_if_empty(std::string(placed.node->facts.name));
  return true;
}

bool NodeCache::remove_assumed(const PodPtr& pod) {
  const auto it = pods_.find(pod->uid);
  return it != pods_.end() && it->second.pod == pod && !it->second.told && remove_pod(pod->uid);
}

NodeCache NodeCache::without_pods() const {
  NodeCache fresh;
  fresh.tallies_.set_namespaces(tallies_.namespaces());
  for (const NodeState* node : order_) fresh.set_node(node->facts);
  return fresh;
}

}  // namespace gantry::scheduler
