#include "core/node/machine/node_status.hpp"

#include <algorithm>

namespace gantry::node {
namespace {

constexpr size_t kMaxImages = 50, kMaxNames = 5;

struct Wanted {
  std::string type, status, reason, message, event;
};

std::vector<Wanted> conditions(const NodeFacts& facts, const Pressure& pressure, const std::string& name) {
  std::vector<Wanted> out;
  const auto one = [&](const char* type, bool bad, const char* good_reason, const char* bad_reason, const char* good,
                       const char* ill, const char* event) {
    out.push_back({type, bad ? "True" : "False", bad ? bad_reason : good_reason, bad ? ill : good,
                   "Node " + name + " status is now: " + event});
  };
  one("MemoryPressure", pressure.memory, "KubeletHasSufficientMemory", "KubeletHasInsufficientMemory",
      "kubelet has sufficient memory available", "kubelet has insufficient memory available",
      pressure.memory ? "NodeHasInsufficientMemory" : "NodeHasSufficientMemory");
  one("DiskPressure", pressure.disk, "KubeletHasNoDiskPressure", "KubeletHasDiskPressure",
      "kubelet has no disk pressure", "kubelet has disk pressure",
      pressure.disk ? "NodeHasDiskPressure" : "NodeHasNoDiskPressure");
  one("PIDPressure", pressure.pids, "KubeletHasSufficientPID", "KubeletHasInsufficientPID",
      "kubelet has sufficient PID available", "kubelet has insufficient PID available",
      pressure.pids ? "NodeHasInsufficientPID" : "NodeHasSufficientPID");
  const bool ready = facts.runtime_ready && facts.network_ready;
  std::string why = facts.why_not_ready;
  if (!ready && why.empty()) {
    why = !facts.runtime_ready ? "container runtime is down"
                               : "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady";
  }
  out.push_back({"Ready", ready ? "True" : "False", ready ? "KubeletReady" : "KubeletNotReady",
                 ready ? "kubelet is posting ready status" : why,
                 "Node " + name + " status is now: " + (ready ? "NodeReady" : "NodeNotReady")});
  return out;
}

corev1::NodeCondition& condition(corev1::NodeStatus& status, const std::string& type) {
  for (auto& there : *status.mutable_conditions()) {
    if (there.type() == type) return there;
  }
  auto& fresh = *status.add_conditions();
  fresh.set_type(type);
  return fresh;
}

void apply_conditions(const std::vector<Wanted>& wanted, int64_t now_ns, corev1::NodeStatus& status,
                      StatusChange& change) {
  for (const auto& want : wanted) {
    auto& there = condition(status, want.type);
    if (there.status() != want.status) {
      there.mutable_last_transition_time()->set_seconds(now_ns / 1'000'000'000);
      there.mutable_last_transition_time()->set_nanos(0);
      change.events.emplace_back(want.event.substr(want.event.rfind(' ') + 1), want.event);
    }
    change.changed |= there.status() != want.status || there.reason() != want.reason || there.message() != want.message;
    there.set_status(want.status);
    there.set_reason(want.reason);
    there.set_message(want.message);
    there.mutable_last_heartbeat_time()->set_seconds(now_ns / 1'000'000'000);
    there.mutable_last_heartbeat_time()->set_nanos(0);
  }
}

template <typename Map>
void put(Map& map, const std::string& name, std::string amount, bool& changed) {
  auto& there = map[name];
  if (there.string() == amount) return;
  there.set_string(std::move(amount));
  changed = true;
}

// "16Gi" and "16777216Ki" are the same amount; the server answers with the shorter one.
std::string kibi(int64_t bytes) {
  static constexpr const char* kUnits[] = {"Ki", "Mi", "Gi", "Ti", "Pi"};
  int64_t amount = bytes / 1024;
  size_t unit = 0;
  while (amount > 0 && amount % 1024 == 0 && unit + 1 < std::size(kUnits)) {
    amount /= 1024;
    ++unit;
  }
  return amount == 0 ? "0" : std::to_string(amount) + kUnits[unit];
}

void apply_amounts(const Capacity& amounts, bool storage_in_bytes, bool& changed,
                   google::protobuf::Map<std::string, k8s::io::apimachinery::pkg::api::resource::Quantity>& map) {
  put(map, "cpu", std::to_string(amounts.cpu), changed);
  put(map, "memory", kibi(amounts.memory), changed);
  put(map, "pods", std::to_string(amounts.pods), changed);
  put(map, "ephemeral-storage",
      storage_in_bytes ? std::to_string(amounts.ephemeral_storage) : kibi(amounts.ephemeral_storage), changed);
  for (const auto& [name, bytes] : amounts.hugepages) put(map, name, kibi(bytes), changed);
}

void apply_addresses(const NodeOptions& options, corev1::NodeStatus& status, bool& changed) {
  google::protobuf::RepeatedPtrField<corev1::NodeAddress> wanted;
  const auto add = [&](const char* type, const std::string& address) {
    auto& one = *wanted.Add();
    one.set_type(type);
    one.set_address(address);
  };
  add("InternalIP", options.node_address);
  add("Hostname", options.node_name);
  const auto same = [](const auto& a, const auto& b) { return a.SerializeAsString() == b.SerializeAsString(); };
  const auto& now = status.addresses();
  if (std::equal(now.begin(), now.end(), wanted.begin(), wanted.end(), same)) return;
  status.mutable_addresses()->Swap(&wanted);
  changed = true;
}

void apply_images(const NodeFacts& facts, corev1::NodeStatus& status, bool& changed) {
  auto images = facts.images;
  std::stable_sort(images.begin(), images.end(), [](const auto& a, const auto& b) { return a.size > b.size; });
  if (images.size() > kMaxImages) images.resize(kMaxImages);
  google::protobuf::RepeatedPtrField<corev1::ContainerImage> wanted;
  for (const auto& image : images) {
    auto& one = *wanted.Add();
    for (const auto* names : {&image.digests, &image.names}) {
      for (const auto& name : *names) {
        if (static_cast<size_t>(one.names_size()) < kMaxNames) one.add_names(name);
      }
    }
    one.set_size_bytes(image.size);
  }
  const auto same = [](const auto& a, const auto& b) { return a.SerializeAsString() == b.SerializeAsString(); };
  const auto& now = status.images();
  if (std::equal(now.begin(), now.end(), wanted.begin(), wanted.end(), same)) return;
  status.mutable_images()->Swap(&wanted);
  changed = true;
}

}  // namespace

bool apply_labels(const NodeOptions& options, corev1::Node& node) {
  bool changed = false;
  auto& labels = *node.mutable_metadata()->mutable_labels();
  const auto set = [&](const std::string& name, const std::string& value) {
    if (const auto it = labels.find(name); it != labels.end() && it->second == value) return;
    labels[name] = value;
    changed = true;
  };
  const auto architecture = machine_architecture();
  set("kubernetes.io/hostname", options.node_name);
  set("kubernetes.io/os", "linux");
  set("kubernetes.io/arch", architecture);
  set("beta.kubernetes.io/os", "linux");
  set("beta.kubernetes.io/arch", architecture);
  for (const auto& [name, value] : options.labels) set(name, value);
  return changed;
}

StatusChange apply_status(const NodeOptions& options, const NodeFacts& facts, int64_t now_unix_ns, corev1::Node& node) {
  StatusChange change;
  auto& status = *node.mutable_status();
  const auto capacity = machine_capacity(options);
  apply_amounts(capacity, false, change.changed, *status.mutable_capacity());
  apply_amounts(allocatable(capacity), true, change.changed, *status.mutable_allocatable());
  apply_addresses(options, status, change.changed);
  apply_images(facts, status, change.changed);
  auto info = machine_info(options);
  info.set_container_runtime_version(facts.runtime_name_version);
  // kubeProxyVersion and others that are set elsewhere stay.
  auto merged = status.node_info();
  merged.MergeFrom(info);
  if (merged.SerializeAsString() != status.node_info().SerializeAsString()) change.changed = true;
  *status.mutable_node_info() = merged;
  apply_conditions(conditions(facts, machine_pressure(options), options.node_name), now_unix_ns, status, change);
  return change;
}

}  // namespace gantry::node
