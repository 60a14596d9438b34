#include "core/scheduler/pod_info.hpp"

#include <algorithm>

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

}  // namespace

PodPtr read_pod(const corev1::Pod& pod) {
  auto info = std::make_shared<PodInfo>();
  const auto& spec = pod.spec();
  info->ns = pod.metadata().namespace_();
  info->name = pod.metadata().name();
  info->uid = pod.metadata().uid();
  info->resource_version = pod.metadata().resource_version();
  info->node = spec.node_name();
  info->generation = pod.metadata().generation();
  info->priority = spec.priority();
  info->created_seconds = pod.metadata().creation_timestamp().seconds();
  auto requests = sdk::requests_of(spec);
  info->requests = std::move(requests.requests);
  info->scored = std::move(requests.scored);
  info->ports = sdk::host_ports_of(spec);
  if (!info->node.empty()) return info;
  info->tolerations = Tolerations(spec.tolerations());
  for (const auto& [key, value] : spec.node_selector()) info->node_selector.emplace_back(key, value);
  info->unsupported = unsupported_demands(spec);
  if (spec.affinity().has_node_affinity()) {
    info->affinity = std::make_shared<corev1::NodeAffinity>(spec.affinity().node_affinity());
  }
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

bool NodeFacts::same_for_scheduling(const NodeFacts& other) const {
  const auto same_taints = std::equal(taints.begin(), taints.end(), other.taints.begin(), other.taints.end(),
                                      [](const auto& a, const auto& b) {
                                        return a.key() == b.key() && a.value() == b.value() && a.effect() == b.effect();
                                      });
  return same_taints && labels == other.labels && unschedulable == other.unschedulable && max_pods == other.max_pods &&
         allocatable.milli_cpu == other.allocatable.milli_cpu && allocatable.memory == other.allocatable.memory &&
         allocatable.storage == other.allocatable.storage && allocatable.others == other.allocatable.others;
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
