#include "nodes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "gantry/ownership.hpp"
#include "gantry/times.hpp"

namespace gantry::sim {
namespace {

constexpr char kLeaseNamespace[] = "kube-node-lease";
constexpr char kDown[] = "sim.gantry.dev/down";

// "2026-11-24T20:15:00.123456Z", as a MicroTime is written.
std::string micro_time(int64_t unix_ns) {
  const std::time_t seconds = unix_ns / kNanosPerSecond;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 48> text;
  const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + length, text.size() - length, ".%06dZ",
                static_cast<int>(unix_ns % kNanosPerSecond / 1'000));
  return text.data();
}

bool says(const metav1::ObjectMeta& meta, const char* annotation) {
  const auto it = meta.annotations().find(annotation);
  return it != meta.annotations().end() && it->second == "true";
}

bool is_ready(const corev1::Node& node) {
  return std::any_of(node.status().conditions().begin(), node.status().conditions().end(),
                     [](const auto& one) { return one.type() == "Ready" && one.status() == "True"; });
}

// The first failure of many; `ignored` is a code that is none.
Status first_failure(const std::vector<Expected<sdk::ApiResponse>>& answers, int32_t ignored) {
  for (const auto& answer : answers) {
    if (!answer && answer.error().code() != ignored) return answer.error();
  }
  return {};
}

}  // namespace

Nodes::Nodes(sdk::Host host, const Settings& settings, const Addresses& addresses)
    : host_(host),
      settings_(settings),
      addresses_(addresses),
      batches_(std::min<int64_t>(settings.nodes, 10)),
      states_(static_cast<size_t>(settings.nodes)),
      begun_(static_cast<size_t>(batches_)) {}

std::string Nodes::name(int64_t node) const {
  std::array<char, 24> digits;
  std::snprintf(digits.data(), digits.size(), "%04lld", static_cast<long long>(node));
  return settings_.prefix + digits.data();
}

int64_t Nodes::index(std::string_view name) const {
  if (!name.starts_with(settings_.prefix)) return -1;
  const auto digits = name.substr(settings_.prefix.size());
  int64_t node = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), node);
  if (error != std::errc() || end != digits.data() + digits.size() || node < 0 || node >= settings_.nodes) return -1;
  return digits.size() < 4 || (digits.size() > 4 && digits[0] == '0') ? -1 : node;
}

bool Nodes::works(int64_t node) const {
  const std::lock_guard lock(mutex_);
  return (states_[static_cast<size_t>(node)] & kIdle) == 0;
}

void Nodes::set_status(int64_t node, corev1::NodeStatus& status) const {
  for (auto* amounts : {status.mutable_capacity(), status.mutable_allocatable()}) {
    (*amounts)["cpu"].set_string(settings_.cpu);
    (*amounts)["memory"].set_string(settings_.memory);
    (*amounts)["pods"].set_string(std::to_string(settings_.pods));
  }
  status.clear_conditions();
  const auto now = to_time(host_.now_unix_ns());
  for (const auto& [type, reason] :
       {std::pair{"MemoryPressure", "KubeletHasSufficientMemory"},
        std::pair{"DiskPressure", "KubeletHasNoDiskPressure"}, std::pair{"PIDPressure", "KubeletHasSufficientPID"},
        std::pair{"Ready", "KubeletReady"}}) {
    auto& condition = *status.add_conditions();
    condition.set_type(type);
    condition.set_status(reason == std::string_view("KubeletReady") ? "True" : "False");
    condition.set_reason(reason);
    condition.set_message("this node is simulated");
    *condition.mutable_last_heartbeat_time() = now;
    *condition.mutable_last_transition_time() = now;
  }
  status.clear_addresses();
  for (const auto& [type, address] :
       {std::pair<const char*, std::string>{"InternalIP", Addresses::node_address(node)}, {"Hostname", name(node)}}) {
    auto& one = *status.add_addresses();
    one.set_type(type);
    one.set_address(address);
  }
  auto& info = *status.mutable_node_info();
  info.set_kubelet_version("v1.36.0-gantry-sim");
  info.set_container_runtime_version("sim://1.0.0");
  info.set_operating_system("linux");
  info.set_architecture("amd64");
  info.set_os_image("none");
  info.set_kernel_version("none");
}

corev1::Node Nodes::wanted(int64_t node) const {
  corev1::Node out;
  auto& meta = *out.mutable_metadata();
  meta.set_name(name(node));
  auto& labels = *meta.mutable_labels();
  labels["kubernetes.io/hostname"] = meta.name();
  labels["kubernetes.io/os"] = "linux";
  labels["kubernetes.io/arch"] = "amd64";
  labels["sim.gantry.dev/node"] = "true";
  if (const auto& zones = settings_.zones; !zones.empty()) {
    labels["topology.kubernetes.io/zone"] = zones[static_cast<size_t>(node) % zones.size()];
  }
  for (const auto& [key, value] : settings_.labels) labels[key] = value;
  // A range from the start: the server has none to give, and need not write the Node once more.
  out.mutable_spec()->set_pod_cidr(addresses_.node_cidr(node));
  out.mutable_spec()->add_pod_cidrs(addresses_.node_cidr(node));
  for (const auto& taint : settings_.taints) *out.mutable_spec()->add_taints() = taint;
  set_status(node, *out.mutable_status());
  return out;
}

coordinationv1::Lease Nodes::lease(int64_t node, const std::string& uid) const {
  coordinationv1::Lease out;
  auto& meta = *out.mutable_metadata();
  meta.set_name(name(node));
  meta.set_namespace_(kLeaseNamespace);
  if (!uid.empty()) {
    auto& owner = *meta.add_owner_references();
    owner.set_api_version("v1");
    owner.set_kind("Node");
    owner.set_name(meta.name());
    owner.set_uid(uid);
  }
  auto& spec = *out.mutable_spec();
  spec.set_holder_identity(meta.name());
  spec.set_lease_duration_seconds(static_cast<int32_t>(settings_.lease_seconds));
  const int64_t now = host_.now_unix_ns();
  spec.mutable_renew_time()->set_seconds(now / kNanosPerSecond);
  spec.mutable_renew_time()->set_nanos(static_cast<int32_t>(now % kNanosPerSecond / 1'000 * 1'000));
  return out;
}

Expected<int64_t> Nodes::tend(int64_t batch) {
  std::vector<int64_t> present, missing;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    first = !begun_[static_cast<size_t>(batch)];
  }
  for (int64_t node = batch; node < settings_.nodes; node += batches_) {
    if (first && !host_.cached<corev1::Node>("", name(node)))
      missing.push_back(node);
    else if (works(node))
      present.push_back(node);
  }
  std::vector<sdk::ApiRequest> leases;
  if (auto status = create_nodes(missing, leases); !status.ok()) return status;
  if (settings_.heartbeat_ms == 0)
    leases.clear();
  else if (auto status = renew(present, leases); !status.ok())
    return status;
  if (auto status = create_leases(leases); !status.ok()) return status;
  const std::lock_guard lock(mutex_);
  begun_[static_cast<size_t>(batch)] = true;
  // The first time a share of the heartbeat, so that the batches come one after the other from then on.
  return first ? settings_.heartbeat_ms * (batch + 1) / batches_ : settings_.heartbeat_ms;
}

Status Nodes::create_nodes(const std::vector<int64_t>& missing, std::vector<sdk::ApiRequest>& leases) const {
  std::vector<sdk::ApiRequest> requests;
  for (const auto node : missing) {
    requests.push_back(sdk::Host::request_for<corev1::Node>(sdk::ApiRequest::CREATE, "", ""));
    requests.back().set_body(wanted(node).SerializeAsString());
  }
  const auto answers = host_.call_all(requests);
  for (size_t i = 0; i < answers.size(); ++i) {
    corev1::Node made;
    if (!answers[i] || answers[i]->objects_size() == 0 || !made.ParseFromString(answers[i]->objects(0))) continue;
    leases.push_back(sdk::Host::request_for<coordinationv1::Lease>(sdk::ApiRequest::CREATE, kLeaseNamespace, ""));
    leases.back().set_body(lease(missing[i], made.metadata().uid()).SerializeAsString());
  }
  return first_failure(answers, 409);
}

Status Nodes::renew(const std::vector<int64_t>& nodes, std::vector<sdk::ApiRequest>& missing) const {
  std::vector<sdk::ApiRequest> requests;
  const std::string patch = R"({"spec":{"renewTime":")" + micro_time(host_.now_unix_ns()) + "\"}}";
  for (const auto node : nodes) {
    requests.push_back(
        sdk::Host::request_for<coordinationv1::Lease>(sdk::ApiRequest::PATCH, kLeaseNamespace, name(node)));
    requests.back().set_patch_type(sdk::ApiRequest::MERGE_PATCH);
    requests.back().set_body(patch);
  }
  const auto answers = host_.call_all(requests);
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i] || answers[i].error().code() != 404) continue;
    const auto node = host_.cached<corev1::Node>("", name(nodes[i]));
    if (!node) continue;
    missing.push_back(sdk::Host::request_for<coordinationv1::Lease>(sdk::ApiRequest::CREATE, kLeaseNamespace, ""));
    missing.back().set_body(lease(nodes[i], node->metadata().uid()).SerializeAsString());
  }
  return first_failure(answers, 404);
}

Status Nodes::create_leases(const std::vector<sdk::ApiRequest>& leases) const {
  return first_failure(host_.call_all(leases), 409);
}

Status Nodes::see(int64_t node, bool& revived) {
  auto object = host_.cached<corev1::Node>("", name(node));
  bool first = false, idle = false;
  {
    const std::lock_guard lock(mutex_);
    auto& state = states_[static_cast<size_t>(node)];
    if (!object && (state & kKnown) == 0) return {};  // not made yet
    first = (state & kKnown) == 0;
    idle = !object || says(object->metadata(), kDown);
    revived = (state & kIdle) != 0 && !idle;
    state = static_cast<uint8_t>(kKnown | (idle ? kIdle : 0));
  }
  if (idle) return {};
  // The configuration may have changed since the Node was made. Asked once: the server may write amounts in another
  // way.
  const auto& capacity = object->status().capacity();
  const auto differs = [&](const char* name, const std::string& amount) {
    const auto it = capacity.find(name);
    return it == capacity.end() || it->second.string() != amount;
  };
  const bool changed = first && (differs("cpu", settings_.cpu) || differs("memory", settings_.memory) ||
                                 differs("pods", std::to_string(settings_.pods)));
  if (is_ready(*object) && !changed) return {};
  set_status(node, *object->mutable_status());
  const auto written = host_.update(*object, "status");
  return written || written.error().code() == 404 ? Status() : written.error();
}

}  // namespace gantry::sim
