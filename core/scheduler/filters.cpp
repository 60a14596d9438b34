#include "core/scheduler/filters.hpp"

#include <algorithm>
#include <cmath>

namespace gantry::scheduler {
namespace {

// Weights of upstream's default profile: NodeAffinity 2, TaintToleration 3, the resource scores 1 each.
constexpr int64_t kAffinityWeight = 2;
constexpr int64_t kTaintWeight = 3;
constexpr int64_t kMaxScore = 100;

bool affinity_allows(const PodInfo& pod, const NodeFacts& node) {
  for (const auto& [key, value] : pod.node_selector) {
    const std::string* have = node.label(key);
    if (have == nullptr || *have != value) return false;
  }
  if (pod.affinity == nullptr || !pod.affinity->has_required_during_scheduling_ignored_during_execution()) return true;
  return sdk::node_selector_matches(pod.affinity->required_during_scheduling_ignored_during_execution(), node.view());
}

void resource_reasons(const PodInfo& pod, const NodeState& node, std::vector<std::string>& reasons) {
  if (node.pods + 1 > node.facts.max_pods) reasons.emplace_back("Too many pods");
  const auto& free = node.facts.allocatable;
  const auto& used = node.requested;
  const auto& want = pod.requests;
  if (want.milli_cpu > 0 && want.milli_cpu > free.milli_cpu - used.milli_cpu) reasons.emplace_back("Insufficient cpu");
  if (want.memory > 0 && want.memory > free.memory - used.memory) reasons.emplace_back("Insufficient memory");
  if (want.storage > 0 && want.storage > free.storage - used.storage) {
    reasons.emplace_back("Insufficient ephemeral-storage");
  }
  for (const auto& [name, amount] : want.others) {
    if (amount > 0 && amount > free.other(name) - used.other(name)) reasons.push_back("Insufficient " + name);
  }
}

bool ports_free(const PodInfo& pod, const NodeState& node) {
  return std::none_of(pod.ports.begin(), pod.ports.end(),
                      [&](const HostPort& wanted) { return node.ports.clashes(wanted); });
}

double fraction(int64_t requested, int64_t capacity) {
  if (capacity <= 0) return 1;
  return std::min(1.0, static_cast<double>(requested) / static_cast<double>(capacity));
}

}  // namespace

std::vector<std::string> reasons_against(const PodInfo& pod, const NodeState& node) {
  // In upstream's order of filters; the first filter that objects ends the search, as there.
  if (node.facts.unschedulable && !pod.tolerations.tolerate(sdk::unschedulable_taint()))
    return {"node(s) were unschedulable"};
  if (sdk::untolerated(node.facts.taints, pod.tolerations) != nullptr) return {"node(s) had untolerated taint(s)"};
  if (!affinity_allows(pod, node.facts)) return {"node(s) didn't match Pod's node affinity/selector"};
  if (!ports_free(pod, node)) return {"node(s) didn't have free ports for the requested pod ports"};
  std::vector<std::string> reasons;
  resource_reasons(pod, node, reasons);
  return reasons;
}

int64_t least_allocated_score(const PodInfo& pod, const NodeState& node) {
  const auto score = [](int64_t requested, int64_t capacity) -> int64_t {
    return capacity <= 0 || requested > capacity ? 0 : (capacity - requested) * kMaxScore / capacity;
  };
  const auto& free = node.facts.allocatable;
  return (score(node.scored.milli_cpu + pod.scored.milli_cpu, free.milli_cpu) +
          score(node.scored.memory + pod.scored.memory, free.memory)) /
         2;
}

int64_t balanced_allocation_score(const PodInfo& pod, const NodeState& node) {
  const auto& free = node.facts.allocatable;
  const double cpu = fraction(node.requested.milli_cpu + pod.requests.milli_cpu, free.milli_cpu);
  const double memory = fraction(node.requested.memory + pod.requests.memory, free.memory);
  // The standard deviation of two values is half their distance.
  return static_cast<int64_t>((1 - std::fabs(cpu - memory) / 2) * kMaxScore);
}

int64_t preferred_affinity_weight(const PodInfo& pod, const NodeState& node) {
  return pod.affinity == nullptr ? 0 : sdk::preferred_weight(*pod.affinity, node.facts.view());
}

int64_t intolerable_prefer_taints(const PodInfo& pod, const NodeState& node) {
  return std::count_if(node.facts.taints.begin(), node.facts.taints.end(), [&](const corev1::Taint& taint) {
    return taint.effect() == "PreferNoSchedule" && !pod.tolerations.tolerate(taint);
  });
}

size_t pick_best(const PodInfo& pod, const std::vector<const NodeState*>& feasible, size_t offset) {
  struct Raw {
    int64_t affinity, taints;
  };
  std::vector<Raw> raw(feasible.size());
  Raw most{0, 0};
  for (size_t i = 0; i < feasible.size(); ++i) {
    raw[i] = {preferred_affinity_weight(pod, *feasible[i]), intolerable_prefer_taints(pod, *feasible[i])};
    most.affinity = std::max(most.affinity, raw[i].affinity);
    most.taints = std::max(most.taints, raw[i].taints);
  }
  size_t best = 0;
  int64_t best_score = -1;
  for (size_t n = 0; n < feasible.size(); ++n) {
    const size_t i = (n + offset) % feasible.size();
    int64_t score = least_allocated_score(pod, *feasible[i]) + balanced_allocation_score(pod, *feasible[i]);
    if (most.affinity > 0) score += kAffinityWeight * (raw[i].affinity * kMaxScore / most.affinity);
    score += kTaintWeight * (most.taints > 0 ? kMaxScore - raw[i].taints * kMaxScore / most.taints : kMaxScore);
    if (score > best_score) {
      best = i;
      best_score = score;
    }
  }
  return best;
}

}  // namespace gantry::scheduler
