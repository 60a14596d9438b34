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
  if (!node.present) order_.push_back(&node);
  node.present = true;
  node.facts = std::move(facts);
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
  std::erase(order_, it->second.get());
  it->second->present = false;
  forget_if_empty(name);
}

void NodeCache::add_pod(const PodPtr& pod, const std::string& node_name) {
  remove_pod(pod->uid);
  NodeState& node = state(node_name);
  node.requested.count_in(pod->requests);
  node.scored.count_in(pod->scored);
  ++node.pods;
  for (const auto& port : pod->ports) node.ports.add(port);
  pods_[pod->uid] = {pod, &node};
}

bool NodeCache::remove_pod(const std::string& uid) {
  const auto it = pods_.find(uid);
  if (it == pods_.end()) return false;
  NodeState& node = *it->second.node;
  const PodPtr pod = it->second.pod;
  pods_.erase(it);
  node.requested.count_out(pod->requests);
  node.scored.count_out(pod->scored);
  --node.pods;
  for (const auto& port : pod->ports) node.ports.remove(port);
  forget_if_empty(std::string(node.facts.name));
  return true;
}

bool NodeCache::remove_assumed(const PodPtr& pod) {
  const auto it = pods_.find(pod->uid);
  return it != pods_.end() && it->second.pod == pod && remove_pod(pod->uid);
}

}  // namespace gantry::scheduler
