#include "core/scheduler/nominations.hpp"

#include <algorithm>
#include <iterator>

namespace gantry::scheduler {

void Nominations::add(const WaitingPtr& pod, const std::string& node) {
  forget(pod->uid);
  by_node_[node].push_back(pod);
  promises_[pod->uid] = {node, false};
}

bool Nominations::forget(const std::string& uid) {
  const auto it = promises_.find(uid);
  if (it == promises_.end()) return false;
  auto& there = by_node_[it->second.node];
  std::erase_if(there, [&](const WaitingPtr& one) { return one->uid == uid; });
  if (there.empty()) by_node_.erase(it->second.node);
  promises_.erase(it);
  return true;
}

bool Nominations::hear(const WaitingPtr& pod) {
  const auto it = promises_.find(pod->uid);
  const bool known = it != promises_.end();
  if (known && it->second.node != pod->nominated && !it->second.told) return false;
  const bool dropped = known && it->second.node != pod->nominated;
  forget(pod->uid);
  if (!pod->nominated.empty()) {
    add(pod, pod->nominated);
    promises_[pod->uid].told = true;
  }
  return dropped;
}

void Nominations::clear() {
  promises_.clear();
  by_node_.clear();
}

const std::string* Nominations::node_of(const std::string& uid) const {
  const auto it = promises_.find(uid);
  return it == promises_.end() ? nullptr : &it->second.node;
}

const std::vector<WaitingPtr>& Nominations::on(const std::string& node) const {
  static const std::vector<WaitingPtr> none;
  const auto it = by_node_.find(node);
  return it == by_node_.end() ? none : it->second;
}

std::vector<WaitingPtr> Nominations::below(int32_t priority, const std::string& node) const {
  std::vector<WaitingPtr> out;
  std::copy_if(on(node).begin(), on(node).end(), std::back_inserter(out),
               [&](const WaitingPtr& one) { return one->priority < priority; });
  return out;
}

}  // namespace gantry::scheduler
