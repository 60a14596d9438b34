// Pods and nodes for the scheduler's tests.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  out.verdict = judge(pod, node, rejections);
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

}  // namespace gantry::scheduler
