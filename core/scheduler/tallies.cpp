#include "core/scheduler/tallies.hpp"

#include <algorithm>

namespace gantry::scheduler {
namespace {

template <typename Number>
void add_at(std::vector<Number>& numbers, int32_t index, int32_t more) {
  if (numbers.size() <= static_cast<size_t>(index)) numbers.resize(static_cast<size_t>(index) + 1);
  numbers[static_cast<size_t>(index)] += static_cast<Number>(more);
}

template <typename Number>
Number get_at(const std::vector<Number>& numbers, int32_t index) {
  return index >= 0 && static_cast<size_t>(index) < numbers.size() ? numbers[static_cast<size_t>(index)] : Number();
}

void add_on(std::unordered_map<const NodeState*, int32_t>& on, const NodeState& node, int32_t more) {
  const auto it = on.try_emplace(&node, 0).first;
  it->second += more;
  if (it->second == 0) on.erase(it);
}

int32_t pods_on(const std::unordered_map<const NodeState*, int32_t>& on, const NodeState& node) {
  const auto it = on.find(&node);
  return it == on.end() ? 0 : it->second;
}

void give_place(NodeState& node, TopologyKey& key) {
  if (node.places.size() <= key.id) node.places.resize(key.id + 1, -1);
  node.places[key.id] = -1;
  const std::string* value = node.facts.label(key.name);
  if (value == nullptr) return;
  auto found = key.values.find(*value);
  if (found == key.values.end()) {
    int32_t number = static_cast<int32_t>(key.nodes.size());
    if (!key.free.empty()) {
      number = key.free.back();
      key.free.pop_back();
    }
    found = key.values.emplace(*value, number).first;
  }
  add_at(key.nodes, found->second, 1);
  node.places[key.id] = found->second;
}

// Before the node's labels change.
void take_place(NodeState& node, TopologyKey& key) {
  const int32_t place = node.place(key.id);
  if (place < 0) return;
  node.places[key.id] = -1;
  add_at(key.nodes, place, -1);
  if (key.nodes[static_cast<size_t>(place)] > 0) return;
  key.free.push_back(place);
  if (const std::string* value = node.facts.label(key.name)) key.values.erase(*value);
}

}  // namespace

void Count::finish() {
  who_text = (without_terminating ? "-" : "+") + who.text();
  text = who_text + "|" + by + "|" + of_text + "|" + in_text;
  for (const auto& label : also) text += "|" + label;
}

int32_t Tally::at(const NodeState& node) const {
  const int32_t place = node.place(key->id);
  return place < 0 ? -1 : get_at(pods, place);
}

bool Tally::counts(const NodeState& node) const {
  return node.place(key->id) >= 0 &&
         std::all_of(also.begin(), also.end(), [&](const TopologyKey* one) { return node.place(one->id) >= 0; }) &&
         (of == nullptr || of->matches(node.facts)) &&
         (in == nullptr || sdk::untolerated(node.facts.taints, *in) == nullptr);
}

void Tally::change(int32_t value, int32_t more_pods, int32_t more_nodes) {
  const int32_t before = get_at(pods, value);
  const bool was = get_at(nodes, value) > 0;
  add_at(pods, value, more_pods);
  add_at(nodes, value, more_nodes);
  total += more_pods;
  const bool is = get_at(nodes, value) > 0;
  if (was == is && more_pods == 0) return;
  if (is) ++domains[before + more_pods];
  if (was) {
    const auto old = domains.find(before);
    if (--old->second == 0) domains.erase(old);
  }
  domain_count += static_cast<size_t>(is) - static_cast<size_t>(was);
}

int32_t HeldTerm::at(const NodeState& node) const { return get_at(pods, node.place(key->id)); }

TopologyKey& Tallies::use_key(const std::string& name) {
  auto& key = keys_[name];
  if (key == nullptr) {
    key = std::make_unique<TopologyKey>();
    key->name = name;
    if (free_keys_.empty()) {
      key->id = next_key_++;
    } else {
      key->id = free_keys_.back();
      free_keys_.pop_back();
    }
    for (NodeState* node : nodes_) give_place(*node, *key);
  }
  ++key->users;
  return *key;
}

void Tallies::release_key(TopologyKey& key) {
  if (--key.users > 0) return;
  for (NodeState* node : nodes_) node->places[key.id] = -1;
  free_keys_.push_back(key.id);
  keys_.erase(std::string(key.name));
}

void Tallies::leave(NodeState& node) {
  for (const auto& [text, tally] : tallies_) {
    if (tally->counts(node)) tally->change(node.place(tally->key->id), -pods_on(tally->group->on, node), -1);
  }
  for (const auto& [text, term] : held_) {
    const int32_t place = node.place(term->key->id);
    if (place >= 0) add_at(term->pods, place, -pods_on(term->on, node));
  }
  for (const auto& [name, key] : keys_) take_place(node, *key);
  nodes_.erase(&node);
}

void Tallies::enter(NodeState& node) {
  nodes_.insert(&node);
  for (const auto& [name, key] : keys_) give_place(node, *key);
  for (const auto& [text, tally] : tallies_) {
    if (tally->counts(node)) tally->change(node.place(tally->key->id), pods_on(tally->group->on, node), 1);
  }
  for (const auto& [text, term] : held_) {
    const int32_t place = node.place(term->key->id);
    if (place >= 0) add_at(term->pods, place, pods_on(term->on, node));
  }
}

void Tallies::keep(const PodInfo& pod, const NodeState& node, bool here) {
  const auto in = [&](std::unordered_map<std::string, Pods>& index, const std::string& key) {
    auto& pods = index[key];
    if (here)
      pods.insert({&pod, &node});
    else
      pods.erase({&pod, &node});
    if (pods.empty()) index.erase(key);
  };
  in(in_namespace_, pod.ns);
  if (!pod.owner.empty()) in(of_owner_, pod.owner);
}

void Tallies::replace(const PodInfo& old, const PodInfo& pod, const NodeState& node) {
  keep(old, node, false);
  keep(pod, node, true);
}

void Tallies::count(const PodInfo& pod, const NodeState& node, int32_t more) {
  keep(pod, node, more > 0);
  for (Matcher* one : group_index_.about(pod, namespaces_)) {
    auto& group = static_cast<PodGroup&>(*one);
    if (group.without_terminating && pod.terminating) continue;
    add_on(group.on, node, more);
    touched_.push_back(group.topic);
    for (Tally* tally : group.tallies) {
      if (tally->counts(node)) tally->change(node.place(tally->key->id), more, 0);
    }
  }
  if (!pod.terms.empty()) count_held(pod, node, more);
}

void Tallies::count_held(const PodInfo& pod, const NodeState& node, int32_t more) {
  for (const PodTerm& term : pod.terms) {
    auto& slot = held_[term.text];
    if (slot == nullptr) {
      slot = std::make_unique<HeldTerm>();
      slot->all = term.who.all;
      slot->topic = next_topic_++;
      slot->forbids = term.forbids;
      slot->weight = term.weight;
      slot->text = term.text;
      slot->key = &use_key(term.by);
      held_index_.add(*slot);
    }
    HeldTerm& held = *slot;
    const int32_t place = node.place(held.key->id);
    if (place >= 0) add_at(held.pods, place, more);
    add_on(held.on, node, more);
    touched_.push_back(held.topic);
    held.holders += static_cast<size_t>(more);
    if (held.holders > 0) continue;
    if (trials_ > 0)
      let_go_.push_back(term.text);
    else
      drop_held(term.text);
  }
}

void Tallies::drop_held(const std::string& text) {
  const auto it = held_.find(text);
  if (it == held_.end() || it->second->holders > 0) return;
  held_index_.remove(*it->second);
  TopologyKey& key = *it->second->key;
  held_.erase(it);
  release_key(key);
}

size_t Tallies::begin_trial() {
  ++trials_;
  return touched_.size();
}

void Tallies::end_trial(size_t begun) {
  touched_.resize(begun);
  if (--trials_ > 0) return;
  for (const auto& text : std::exchange(let_go_, {})) drop_held(text);
}

void Tallies::fill(PodGroup& group) {
  group.on.clear();
  const auto from = [&](const Pods& pods) {
    for (const On& on : pods) {
      if (group.without_terminating && on.pod->terminating) continue;
      if (group.matches(*on.pod, namespaces_)) add_on(group.on, *on.node, 1);
    }
  };
  if (!group.owner.empty()) {
    if (const auto it = of_owner_.find(group.owner); it != of_owner_.end()) from(it->second);
    return;
  }
  if (group.by_namespace_labels()) {
    for (const auto& [ns, pods] : in_namespace_) from(pods);
    return;
  }
  if (group.all.empty()) return;
  auto namespaces = group.all.front().namespaces;
  std::sort(namespaces.begin(), namespaces.end());
  namespaces.erase(std::unique(namespaces.begin(), namespaces.end()), namespaces.end());
  for (const auto& ns : namespaces) {
    if (const auto it = in_namespace_.find(ns); it != in_namespace_.end()) from(it->second);
  }
}

PodGroup& Tallies::group_for(const Count& count) {
  auto& group = groups_[count.who_text];
  if (group != nullptr) return *group;
  group = std::make_unique<PodGroup>();
  static_cast<Matcher&>(*group) = count.who;
  group->topic = next_topic_++;
  group->without_terminating = count.without_terminating;
  group->text = count.who_text;
  fill(*group);
  group_index_.add(*group);
  return *group;
}

const Tally& Tallies::tally(const Count& count) {
  auto& tally = tallies_[count.text];
  if (tally != nullptr) {
    by_use_.splice(by_use_.begin(), by_use_, tally->used);
    return *tally;
  }
  tally = std::make_unique<Tally>();
  tally->text = count.text;
  tally->group = &group_for(count);
  tally->key = &use_key(count.by);
  for (const auto& label : count.also) tally->also.push_back(&use_key(label));
  tally->of = count.of;
  tally->in = count.in;
  for (const NodeState* node : nodes_) {
    if (tally->counts(*node)) tally->change(node->place(tally->key->id), pods_on(tally->group->on, *node), 1);
  }
  tally->group->tallies.push_back(tally.get());
  by_use_.push_front(tally.get());
  tally->used = by_use_.begin();
  return *tally;
}

void Tallies::trim() {
  while (by_use_.size() > kMost) drop(*by_use_.back());
}

void Tallies::drop(Tally& tally) {
  by_use_.erase(tally.used);
  PodGroup& group = *tally.group;
  std::erase(group.tallies, &tally);
  release_key(*tally.key);
  for (TopologyKey* key : tally.also) release_key(*key);
  if (group.tallies.empty()) {
    touched_.push_back(group.topic);  // who waits for word of it has to ask anew
    group_index_.remove(group);
    groups_.erase(std::string(group.text));
  }
  tallies_.erase(std::string(tally.text));
}

std::vector<const HeldTerm*> Tallies::held_about(const PodInfo& pod) const {
  std::vector<const HeldTerm*> out;
  for (const Matcher* one : held_index_.about(pod, namespaces_)) out.push_back(static_cast<const HeldTerm*>(one));
  return out;
}

void Tallies::set_namespace(const std::string& name, const sdk::LabelMap* labels) {
  const auto before = namespaces_.find(name);
  if (labels != nullptr && before != namespaces_.end() && sdk::same_labels(before->second, *labels)) return;
  if (labels != nullptr)
    namespaces_[name] = *labels;
  else
    namespaces_.erase(name);
  for (const auto& [text, term] : held_) {
    if (term->by_namespace_labels()) touched_.push_back(term->topic);
  }
  if (!in_namespace_.contains(name)) return;
  for (const auto& [text, group] : groups_) {
    if (!group->by_namespace_labels()) continue;
    const auto was = group->on;
    fill(*group);
    touched_.push_back(group->topic);
    for (Tally* tally : group->tallies) {
      for (const NodeState* node : nodes_) {
        const int32_t more = pods_on(group->on, *node) - pods_on(was, *node);
        if (more != 0 && tally->counts(*node)) tally->change(node->place(tally->key->id), more, 0);
      }
    }
  }
}

}  // namespace gantry::scheduler
