#include "core/scheduler/pod_info.hpp"

#include <algorithm>
#include <span>

#include "core/scheduler/filter.hpp"
#include "core/scheduler/score.hpp"
#include "gantry/scheduling/named_nodes.hpp"

namespace gantry::scheduler {
namespace {

std::string unsupported_demands(const corev1::PodSpec& spec) {
  std::string out;
  const auto add = [&](const char* what) { out += (out.empty() ? "" : ", ") + std::string(what); };
  const auto& affinity = spec.affinity();
  if (affinity.pod_affinity().required_during_scheduling_ignored_during_execution_size() > 0)
    add("required pod affinity");
  if (affinity.pod_anti_affinity().required_during_scheduling_ignored_during_execution_size() > 0)
    add("required pod anti-affinity");
  const auto& spread = spec.topology_spread_constraints();
  if (std::any_of(spread.begin(), spread.end(),
                  [](const auto& constraint) { return constraint.when_unsatisfiable() != "ScheduleAnyway"; }))
    add("topology spread constraints with DoNotSchedule");
  return out;
}

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

void read_shared(const corev1::Pod& pod, PodInfo& info) {
  info.uid = pod.metadata().uid();
  auto requests = sdk::requests_of(pod.spec());
  info.requests = std::move(requests.requests);
  info.scored = std::move(requests.scored);
  info.ports = sdk::host_ports_of(pod.spec());
}

}  // namespace

PodPtr read_pod(const corev1::Pod& pod) {
  auto info = std::make_shared<PodInfo>();
  read_shared(pod, *info);
  return info;
}

WaitingPtr read_waiting_pod(const corev1::Pod& pod) {
  auto info = std::make_shared<WaitingPod>();
  read_shared(pod, *info);
  const auto& spec = pod.spec();
  info->ns = pod.metadata().namespace_();
  info->name = pod.metadata().name();
  info->resource_version = pod.metadata().resource_version();
  info->generation = pod.metadata().generation();
  info->priority = spec.priority();
  info->created_seconds = pod.metadata().creation_timestamp().seconds();
  info->tolerations = Tolerations(spec.tolerations());
  info->nodes = sdk::named_nodes(spec);
  info->unsupported = unsupported_demands(spec);
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
