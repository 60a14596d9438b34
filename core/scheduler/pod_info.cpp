#include "core/scheduler/pod_info.hpp"

#include <algorithm>

#include "core/schema/values.hpp"

namespace gantry::scheduler {
namespace {

// What a container that asks for nothing counts as when nodes are compared (upstream's non-zero requests).
constexpr int64_t kDefaultMilliCpu = 100;
constexpr int64_t kDefaultMemory = 200LL << 20;

int64_t amount(const std::string& text, bool milli) {
  const auto quantity = schema::Quantity::parse(text);
  if (!quantity) return 0;
  return milli ? quantity->milli_value() : quantity->value();
}

Resources with_defaults(Resources resources) {
  if (resources.milli_cpu == 0) resources.milli_cpu = kDefaultMilliCpu;
  if (resources.memory == 0) resources.memory = kDefaultMemory;
  return resources;
}

// Containers run together, with the sidecars started before them; init containers run one after the other, each
// beside the sidecars that precede it.
template <typename Of>
Resources pod_total(const corev1::PodSpec& spec, Of&& of) {
  Resources total, sidecars, highest;
  for (const auto& container : spec.containers()) total.add(of(container));
  for (const auto& init : spec.init_containers()) {
    Resources now = of(init);
    if (init.restart_policy() == "Always") {
      total.add(now);
      sidecars.add(now);
      now = sidecars;
    } else {
      now.add(sidecars);
    }
    highest.raise_to(now);
  }
  total.raise_to(highest);
  return total;
}

// Requests of the pod as a whole stand in place of its containers' sum.
void apply_pod_level(const Resources& whole, PodInfo& info) {
  for (auto* total : {&info.requests, &info.scored}) {
    if (whole.milli_cpu > 0) total->milli_cpu = whole.milli_cpu;
    if (whole.memory > 0) total->memory = whole.memory;
    for (const auto& [name, amount] : whole.others) {
      if (name.starts_with("hugepages-")) total->others[name] = amount;
    }
  }
}

void read_ports(const corev1::PodSpec& spec, std::vector<HostPort>& ports) {
  const auto read = [&](const auto& containers) {
    for (const auto& container : containers) {
      for (const auto& port : container.ports()) {
        if (port.host_port() <= 0) continue;
        ports.push_back({port.host_ip().empty() ? "0.0.0.0" : port.host_ip(),
                         port.protocol().empty() ? "TCP" : port.protocol(), port.host_port()});
      }
    }
  };
  read(spec.containers());
  for (const auto& init : spec.init_containers()) {
    if (init.restart_policy() == "Always") read(std::array{init});
  }
}

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

int64_t Resources::other(std::string_view name) const {
  const auto it = others.find(name);
  return it != others.end() ? it->second : 0;
}

void Resources::add(const Resources& more, int64_t factor) {
  milli_cpu += factor * more.milli_cpu;
  memory += factor * more.memory;
  storage += factor * more.storage;
  for (const auto& [name, value] : more.others) {
    const auto it = others.try_emplace(name, 0).first;
    it->second += factor * value;
    if (it->second == 0) others.erase(it);
  }
}

void Resources::raise_to(const Resources& least) {
  milli_cpu = std::max(milli_cpu, least.milli_cpu);
  memory = std::max(memory, least.memory);
  storage = std::max(storage, least.storage);
  for (const auto& [name, value] : least.others) {
    auto& mine = others.try_emplace(name, value).first->second;
    mine = std::max(mine, value);
  }
}

Resources resources_of(
    const google::protobuf::Map<std::string, k8s::io::apimachinery::pkg::api::resource::Quantity>& list) {
  Resources resources;
  for (const auto& [name, quantity] : list) {
    if (name == "cpu")
      resources.milli_cpu = amount(quantity.string(), true);
    else if (name == "memory")
      resources.memory = amount(quantity.string(), false);
    else if (name == "ephemeral-storage")
      resources.storage = amount(quantity.string(), false);
    else if (name != "pods")
      resources.others[name] = amount(quantity.string(), false);
  }
  return resources;
}

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
  info->requests =
      pod_total(spec, [](const auto& container) { return resources_of(container.resources().requests()); });
  info->scored = pod_total(
      spec, [](const auto& container) { return with_defaults(resources_of(container.resources().requests())); });
  apply_pod_level(resources_of(spec.resources().requests()), *info);
  const auto overhead = resources_of(spec.overhead());
  info->requests.add(overhead);
  info->scored.add(overhead);
  read_ports(spec, info->ports);
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
  facts.allocatable = resources_of(node.status().allocatable());
  const auto pods = node.status().allocatable().find("pods");
  if (pods != node.status().allocatable().end()) facts.max_pods = amount(pods->second.string(), false);
  facts.unschedulable = node.spec().unschedulable();
  facts.taints.assign(node.spec().taints().begin(), node.spec().taints().end());
  for (const auto& [key, value] : node.metadata().labels()) facts.labels.emplace_back(key, value);
  std::sort(facts.labels.begin(), facts.labels.end());
  return facts;
}

}  // namespace gantry::scheduler
