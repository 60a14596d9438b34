#include "core/scheduler/pod_info.hpp"

#include <algorithm>
#include <span>

#include "core/scheduler/filter.hpp"
#include "core/scheduler/pod_terms.hpp"
#include "core/scheduler/score.hpp"
#include "gantry/scheduling/named_nodes.hpp"

namespace gantry::scheduler {
namespace {

template <typename Entry>
std::vector<Asked<Entry>> concerned(std::span<const Entry> entries, const WaitingPod& pod,
                                    const corev1::PodSpec& spec) {
  std::vector<Asked<Entry>> out;
  for (const Entry& entry : entries) {
    std::unique_ptr<const Notes> notes;
    if (entry.concerns == nullptr || entry.concerns(pod, spec, notes)) out.push_back({&entry, std::move(notes)});
  }
  return out;
}

bool spreads_by_default(const std::string& kind) {
  return kind == "ReplicaSet" || kind == "StatefulSet" || kind == "ReplicationController";
}

void read_shared(const corev1::Pod& pod, PodInfo& info) {
  info.uid = pod.metadata().uid();
  info.ns = pod.metadata().namespace_();
  info.name = pod.metadata().name();
  info.labels = pod.metadata().labels();
  info.terminating = pod.metadata().has_deletion_timestamp();
  for (const auto& owner : pod.metadata().owner_references()) {
    if (owner.controller() && spreads_by_default(owner.kind())) info.owner = owner.uid();
  }
  info.priority = pod.spec().priority();
  info.started_seconds = pod.status().start_time().seconds();
  for (const auto& condition : pod.status().conditions()) {
    if (condition.type() == "DisruptionTarget" && condition.reason() == "PreemptionByScheduler")
      info.preempted = condition.status() == "True";
  }
  info.terms = read_terms(pod);
  auto requests = sdk::requests_of(pod.spec());
  info.requests = std::move(requests.requests);
  info.scored = std::move(requests.scored);
  info.ports = sdk::host_ports_of(pod.spec());
}

}  // namespace

bool counts_the_same(const PodInfo& a, const PodInfo& b) {
  const auto same = [](const Resources& x, const Resources& y) {
    return x.milli_cpu == y.milli_cpu && x.memory == y.memory && x.storage == y.storage && x.others == y.others;
  };
  return a.terminating == b.terminating && a.preempted == b.preempted && a.started_seconds == b.started_seconds &&
         a.owner == b.owner && same(a.requests, b.requests) && same(a.scored, b.scored) &&
         sdk::same_labels(a.labels, b.labels);
}

PodPtr read_pod(const corev1::Pod& pod) {
  auto info = std::make_shared<PodInfo>();
  read_shared(pod, *info);
  return info;
}

WaitingPtr read_waiting_pod(const corev1::Pod& pod) {
  auto info = std::make_shared<WaitingPod>();
  read_shared(pod, *info);
  const auto& spec = pod.spec();
  info->resource_version = pod.metadata().resource_version();
  info->generation = pod.metadata().generation();
  info->nominated = pod.status().nominated_node_name();
  info->may_preempt = spec.preemption_policy() != "Never";
  info->created_seconds = pod.metadata().creation_timestamp().seconds();
  info->tolerations = Tolerations(spec.tolerations());
  info->nodes = sdk::named_nodes(spec);
  info->filters = concerned(all_filters(), *info, spec);
  info->scores = concerned(all_scores(), *info, spec);
  return info;
}

const std::string* NodeFacts::label(std::string_view key) const {
  const auto it = std::lower_bound(labels.begin(), labels.end(), key,
                                   [](const auto& entry, std::string_view wanted) { return entry.first < wanted; });
  return it != labels.end() && it->first == key ? &it->second : nullptr;
}

sdk::NodeView NodeFacts::view() const {
  return {name, this,
          [](const void* facts, std::string_view key) { return static_cast<const NodeFacts*>(facts)->label(key); }};
}

Changes NodeFacts::since(const NodeFacts& before) const {
  Changes out = Changes::kNone;
  const auto same_taint = [](const auto& a, const auto& b) {
    return a.key() == b.key() && a.value() == b.value() && a.effect() == b.effect();
  };
  const auto& old = before.allocatable;
  if (unschedulable != before.unschedulable ||
      !std::equal(taints.begin(), taints.end(), before.taints.begin(), before.taints.end(), same_taint))
    out |= Changes::kTaints;
  if (labels != before.labels) out |= Changes::kLabels;
  if (max_pods != before.max_pods || allocatable.milli_cpu != old.milli_cpu || allocatable.memory != old.memory ||
      allocatable.storage != old.storage || allocatable.others != old.others)
    out |= Changes::kAllocatable;
  return out;
}

bool NodeChoice::matches(const NodeFacts& node) const {
  return std::all_of(labels.begin(), labels.end(),
                     [&](const auto& label) {
                       const std::string* have = node.label(label.first);
                       return have != nullptr && *have == label.second;
                     }) &&
         (!required || sdk::node_selector_matches(*required, node.view()));
}

std::shared_ptr<const NodeChoice> read_node_choice(const corev1::PodSpec& spec) {
  const auto& affinity = spec.affinity().node_affinity();
  const bool requires_some = affinity.has_required_during_scheduling_ignored_during_execution();
  if (spec.node_selector().empty() && !requires_some) return nullptr;
  auto choice = std::make_shared<NodeChoice>();
  choice->labels.assign(spec.node_selector().begin(), spec.node_selector().end());
  std::sort(choice->labels.begin(), choice->labels.end());
  if (requires_some) choice->required = affinity.required_during_scheduling_ignored_during_execution();
  return choice;
}

NodeFacts read_node(const corev1::Node& node) {
  NodeFacts facts;
  facts.name = node.metadata().name();
  facts.allocatable = sdk::resources_of(node.status().allocatable());
  const auto pods = node.status().allocatable().find("pods");
  if (pods != node.status().allocatable().end()) facts.max_pods = sdk::amount_of(pods->second);
  facts.unschedulable = node.spec().unschedulable();
  facts.taints.assign(node.spec().taints().begin(), node.spec().taints().end());
  for (const auto& [key, value] : node.metadata().labels()) facts.labels.emplace_back(key, value);
  std::sort(facts.labels.begin(), facts.labels.end());
  return facts;
}

}  // namespace gantry::scheduler
