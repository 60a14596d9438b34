// How many pods are where, kept up to date pod by pod: for each thing that spreading and affinity ask about (which
// pods, by which label of their nodes, of which nodes) the number at each value of the label.
//
// A tally begins with the first pod that asks for it, by one look at the pods that may count; from then on a pod that
// comes or goes costs the tallies that it counts in, and a question one look-up. Those that nobody asks for are
// forgotten. Used under the Scheduler's lock; owned by the NodeCache, whose nodes and pods it borrows.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/scheduler/matcher.hpp"
#include "core/scheduler/node_state.hpp"
#include "core/scheduler/pod_info.hpp"

namespace gantry::scheduler {

// What is to be counted. Made once of a pod.
struct Count {
  Matcher who;
  bool without_terminating = false;
  std::string by;                         // label of the nodes
  std::vector<std::string> also;          // labels that nodes must have besides, or their pods don't count
  std::shared_ptr<const NodeChoice> of;   // and what they must be; null: any
  std::shared_ptr<const Tolerations> in;  // and what their taints must be tolerated by; null: whatever
  std::string of_text, in_text;           // the same for equal ones
  std::string who_text, text;             // made by `finish`
  void finish();
};

struct TopologyKey {
  std::string name;
  size_t id = 0;
  size_t users = 0;
  std::unordered_map<std::string, int32_t> values;
  std::vector<uint32_t> nodes;  // by value, that have it
  std::vector<int32_t> free;    // numbers of values that no node has
};

struct PodGroup;

struct Tally {
  PodGroup* group = nullptr;
  TopologyKey* key = nullptr;
  std::vector<TopologyKey*> also;
  std::shared_ptr<const NodeChoice> of;
  std::shared_ptr<const Tolerations> in;
  std::vector<int32_t> pods;          // by value
  std::vector<uint32_t> nodes;        // by value, whose pods count
  std::map<int32_t, size_t> domains;  // of the values with nodes: how many have so many pods
  size_t domain_count = 0;
  int64_t total = 0;
  std::string text;
  std::list<Tally*>::iterator used;

  int32_t at(const NodeState& node) const;  // pods at its value; -1: it has none
  int32_t least() const { return domains.empty() ? 0 : domains.begin()->first; }
  bool counts(const NodeState& node) const;
  void change(int32_t value, int32_t more_pods, int32_t more_nodes);
};

// The pods that one or more tallies count.
struct PodGroup : Matcher {
  uint64_t topic = 0;
  bool without_terminating = false;
  std::string text;
  std::unordered_map<const NodeState*, int32_t> on;
  std::vector<Tally*> tallies;
};

// A term that pods on nodes have about others, and where they are.
struct HeldTerm : Matcher {
  uint64_t topic = 0;
  bool forbids = false;  // required anti-affinity
  int64_t weight = 0;    // of a wish; negative: to stay away
  TopologyKey* key = nullptr;
  std::string text;
  std::vector<int32_t> pods;  // by value
  std::unordered_map<const NodeState*, int32_t> on;
  size_t holders = 0;
  int32_t at(const NodeState& node) const;
};

class Tallies {
 public:
  // A pod is on a node, or is there no more. The pod outlives its removal.
  void add(const PodInfo& pod, const NodeState& node) { count(pod, node, 1); }
  void remove(const PodInfo& pod, const NodeState& node) { count(pod, node, -1); }
  // The same pod by another name in memory: nothing that is counted has changed.
  void replace(const PodInfo& old, const PodInfo& pod, const NodeState& node);
  // A present node is about to change, or has.
  void leave(NodeState& node);
  void enter(NodeState& node);
  void set_namespace(const std::string& name, const sdk::LabelMap* labels);  // null: gone

  // Before a pod is looked at: forgets what has not been asked for of late. What `tally` gives stays until then.
  void trim();
  const Tally& tally(const Count& count);
  // The terms of pods on nodes that are about this one.
  std::vector<const HeldTerm*> held_about(const PodInfo& pod) const;
  bool any_held() const { return !held_.empty(); }
  const NamespaceLabels& namespaces() const { return namespaces_; }
  void set_namespaces(NamespaceLabels labels) { namespaces_ = std::move(labels); }

  // The groups and terms (by their topic) whose pods have changed since it was asked last.
  std::vector<uint64_t> take_touched() { return std::exchange(touched_, {}); }
  // What comes and goes until `end_trial` gets what this gives is only tried, and word of nothing: all is put back by
  // then, and keeps its topic.
  size_t begin_trial();
  void end_trial(size_t begun);
  size_t tally_count() const { return tallies_.size(); }
  size_t held_count() const { return held_.size(); }

 private:
  struct On {
    const PodInfo* pod;
    const NodeState* node;
    bool operator==(const On& other) const { return pod == other.pod; }
  };
  struct OnHash {
    size_t operator()(const On& on) const { return std::hash<const void*>()(on.pod); }
  };
  using Pods = std::unordered_set<On, OnHash>;

  void keep(const PodInfo& pod, const NodeState& node, bool here);
  void count(const PodInfo& pod, const NodeState& node, int32_t more);
  void count_held(const PodInfo& pod, const NodeState& node, int32_t more);
  void drop_held(const std::string& text);
  void fill(PodGroup& group);
  void drop(Tally& tally);
  TopologyKey& use_key(const std::string& name);
  void release_key(TopologyKey& key);
  PodGroup& group_for(const Count& count);

  static constexpr size_t kMost = 1024;  // tallies that are kept while nobody asks
  NamespaceLabels namespaces_;
  std::unordered_map<std::string, std::unique_ptr<TopologyKey>> keys_;
  std::vector<size_t> free_keys_;
  size_t next_key_ = 0;
  std::unordered_map<std::string, std::unique_ptr<PodGroup>> groups_;
  std::unordered_map<std::string, std::unique_ptr<Tally>> tallies_;
  std::list<Tally*> by_use_;  // the latest in front
  std::unordered_map<std::string, std::unique_ptr<HeldTerm>> held_;
  MatcherIndex group_index_, held_index_;
  std::unordered_map<std::string, Pods> in_namespace_, of_owner_;
  std::unordered_set<NodeState*> nodes_;  // present
  std::vector<uint64_t> touched_;
  size_t trials_ = 0;
  std::vector<std::string> let_go_;  // terms that nobody held for a while in one
  uint64_t next_topic_ = 1;
};

}  // namespace gantry::scheduler
