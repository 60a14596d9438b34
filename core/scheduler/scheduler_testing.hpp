// Pods and nodes for the scheduler's tests.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/scheduler/choose.hpp"
#include "core/scheduler/filter.hpp"
#include "core/scheduler/score.hpp"

namespace gantry::scheduler {

inline corev1::Pod pod_with(const std::string& cpu, const std::string& memory) {
  corev1::Pod pod;
  pod.mutable_metadata()->set_name("p");
  pod.mutable_metadata()->set_uid("u");
  auto& requests = *pod.mutable_spec()->add_containers()->mutable_resources()->mutable_requests();
  if (!cpu.empty()) requests["cpu"].set_string(cpu);
  if (!memory.empty()) requests["memory"].set_string(memory);
  return pod;
}

inline NodeState node_with(const std::string& cpu, const std::string& memory, const std::string& pods = "110") {
  corev1::Node node;
  node.mutable_metadata()->set_name("n");
  (*node.mutable_metadata()->mutable_labels())["zone"] = "a";
  (*node.mutable_metadata()->mutable_labels())["cores"] = "8";
  auto& free = *node.mutable_status()->mutable_allocatable();
  free["cpu"].set_string(cpu);
  free["memory"].set_string(memory);
  free["pods"].set_string(pods);
  NodeState state;
  state.facts = read_node(node);
  state.present = true;
  return state;
}

inline corev1::Taint taint_with(const std::string& effect, const std::string& key = "dedicated") {
  corev1::Taint taint;
  taint.set_key(key);
  taint.set_value("gpu");
  taint.set_effect(effect);
  return taint;
}

// A verdict with its reasons.
struct Judged {
  Verdict verdict = Verdict::kFits;
  std::vector<std::string> reasons;  // sorted
  Changes helped_by = Changes::kNone;
  bool operator==(const Judged&) const = default;
};
inline Judged judged(const WaitingPod& pod, const NodeState& node) {
  Rejections rejections;
  Judged out;
  Tallies tallies;
  Judge judge(pod, tallies);
  out.verdict = judge.ask(node, rejections);
  judge.add_help(rejections);
  out.helped_by = rejections.helped_by;
  for (const auto& [reason, count] : rejections.reasons.counts()) out.reasons.push_back(reason);
  return out;
}
inline Judged judged(const corev1::Pod& pod, const NodeState& node) { return judged(*read_waiting_pod(pod), node); }
using Said = std::vector<std::string>;
inline Said reasons_against(const corev1::Pod& pod, const NodeState& node) { return judged(pod, node).reasons; }
inline bool fits(const corev1::Pod& pod, const NodeState& node) { return judged(pod, node).verdict == Verdict::kFits; }

// Whether an entry is asked about the pod at all.
template <typename Entry>
bool asks(const std::vector<Asked<Entry>>& asked, std::string_view name) {
  for (const auto& one : asked) {
    if (one.entry->name == name) return true;
  }
  return false;
}

// What the score of this name gives the node; -1 when it is not asked.
inline int64_t rated(std::string_view name, const corev1::Pod& pod, const NodeState& node) {
  const auto waiting = read_waiting_pod(pod);
  for (const auto& [score, notes] : waiting->scores) {
    if (score->name == name) return score->rate(*waiting, notes.get(), node);
  }
  return -1;
}

constexpr const char* kZone = "topology.kubernetes.io/zone";
constexpr const char* kHost = "kubernetes.io/hostname";

// A cluster of nodes with labels, and pods on them.
struct Cluster {
  void node(const std::string& name, const std::map<std::string, std::string>& labels) {
    auto facts = node_with("64", "256Gi", "1000").facts;
    facts.name = name;
    facts.labels.assign(labels.begin(), labels.end());
    cache.set_node(std::move(facts));
  }
  // Nodes "a1", "a2", ... of zones "a", "b", ...
  void zones(const std::string& names, int nodes_each) {
    for (const char zone : names) {
      for (int i = 1; i <= nodes_each; ++i) {
        const std::string name = zone + std::to_string(i);
        node(name, {{"kubernetes.io/hostname", name}, {"topology.kubernetes.io/zone", std::string(1, zone)}});
      }
    }
  }
  // A copy of the pod is on the node.
  std::string put(corev1::Pod pod, const std::string& node) {
    pod.mutable_metadata()->set_uid("placed-" + std::to_string(++placed));
    cache.add_pod(read_pod(pod), node);
    return pod.metadata().uid();
  }
  Choice choose(const corev1::Pod& pod) { return scheduler::choose(*read_waiting_pod(pod), cache, 0); }
  std::string node_for(const corev1::Pod& pod) {
    const auto choice = choose(pod);
    return choice.node == nullptr ? choice.message : choice.node->facts.name;
  }
  // The nodes that the filters let the pod go to.
  Said nodes_for(const corev1::Pod& pod) {
    const auto waiting = read_waiting_pod(pod);
    Judge judge(*waiting, cache.tallies());
    Rejections rejections;
    Said out;
    for (const auto* node : cache.nodes()) {
      if (judge.ask(*node, rejections) == Verdict::kFits) out.push_back(node->facts.name);
    }
    return out;
  }
  // What a score gives a node among all of them.
  int64_t rated(std::string_view name, const corev1::Pod& pod, const std::string& node) {
    const auto waiting = read_waiting_pod(pod);
    const std::vector<const NodeState*> all(cache.nodes().begin(), cache.nodes().end());
    for (const auto& [score, notes] : waiting->scores) {
      std::unique_ptr<const Notes> state;
      if (score->name != name || !score->prepare(*waiting, notes.get(), cache.tallies(), all, state)) continue;
      for (const auto* one : all) {
        if (one->facts.name == node) return score->rate(*waiting, state.get(), *one);
      }
    }
    return -1000;
  }
  NodeCache cache;
  int placed = 0;
};

inline corev1::Pod labeled_pod(const std::string& app, const std::string& ns = "default") {
  auto pod = pod_with("", "");
  pod.mutable_metadata()->set_namespace_(ns);
  (*pod.mutable_metadata()->mutable_labels())["app"] = app;
  return pod;
}

}  // namespace gantry::scheduler
