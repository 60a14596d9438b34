#include "controller.hpp"

#include <algorithm>

#include "gantry/refusals.hpp"
#include "gantry/times.hpp"
#include "k8s.io/api/coordination/v1/lease.pb.h"
#include "pod_writes.hpp"

namespace gantry::nodelifecycle {
namespace {

constexpr char kZonesKey[] = "/zones";  // in no object's name is a '/'
constexpr char kLeases[] = "kube-node-lease";

int64_t renewed_ns(const coordinationv1::Lease& lease) {
  const auto& time = lease.spec().renew_time();
  int64_t ns = 0;
  if (__builtin_mul_overflow(time.seconds(), kNanosPerSecond, &ns)) return 0;
  return later(ns, time.nanos());
}

bool same_tolerations(const corev1::Pod& a, const corev1::Pod& b) {
  const auto& left = a.spec().tolerations();
  const auto& right = b.spec().tolerations();
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](const auto& one, const auto& other) {
    return one.SerializeAsString() == other.SerializeAsString();
  });
}

std::string full_name(const corev1::Pod& pod) { return pod.metadata().namespace_() + "/" + pod.metadata().name(); }

// 0: none.
int64_t earlier_wait(int64_t a, int64_t b) { return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b); }

}  // namespace

Status NodeLifecycleController::configure() {
  auto settings = read_settings(host());
  if (!settings) return std::move(settings).error();
  settings_ = *settings;
  zones_ = std::make_unique<Zones>(settings_);
  return {};
}

abi::ControllerSpec NodeLifecycleController::spec() const {
  auto spec = watching<corev1::Node>("nodelifecycle");
  watch<coordinationv1::Lease>(spec, abi::WatchSpec::CUSTOM);
  watch<corev1::Pod>(spec, abi::WatchSpec::CUSTOM);
  spec.set_workers(static_cast<int32_t>(settings_.workers));
  spec.set_wait_own_writes(true);
  return spec;
}

void NodeLifecycleController::map(const abi::ObjectEvent& event, const Emit& emit) {
  if (event.resource() == "leases") return map_lease(event);
  if (event.type() != abi::ObjectEvent::DELETED) map_pod(event, emit);
}

// Queues nothing: who looks at the node when its time is over finds that there
// is more of it.
void NodeLifecycleController::map_lease(const abi::ObjectEvent& event) {
  coordinationv1::Lease lease;
  if (!lease.ParseFromString(event.object()) || lease.metadata().namespace_() != kLeases) return;
  const std::string& node = lease.metadata().name();
  if (event.type() != abi::ObjectEvent::DELETED) {
    heartbeats_.lease(node, renewed_ns(lease), host().now_unix_ns());
  } else if (!zones_->knows(node)) {
    heartbeats_.forget(node);  // it went before its Lease
  }
}

void NodeLifecycleController::map_pod(const abi::ObjectEvent& event, const Emit& emit) const {
  corev1::Pod now, before;
  if (!now.ParseFromString(event.object())) return;
  const std::string& node = now.spec().node_name();
  if (node.empty() || !zones_->concerns_pods(node)) return;
  if (event.type() == abi::ObjectEvent::MODIFIED && before.ParseFromString(event.previous()) &&
      before.spec().node_name() == node && same_tolerations(before, now)) {
    return;
  }
  emit("", node);
}

// All nodes are counted before anything follows from how many of them are
// ready.
Status NodeLifecycleController::begin() {
  const std::lock_guard lock(mutex_);
  if (begun_) return {};
  const auto nodes = host().cached_list<corev1::Node>("");
  if (!nodes) return nodes.error();
  for (const auto& node : *nodes) zones_->put(node, host().now_unix_ns());
  begun_ = true;
  host().enqueue("", kZonesKey);
  return {};
}

Expected<sdk::Controller::Result> NodeLifecycleController::reconcile(const Key& key) {
  if (auto status = begin(); !status.ok()) return status;
  if (key.name == kZonesKey) return look_at_zones();
  const auto node = host().cached<corev1::Node>("", key.name);
  if (node) return look_at_node(*node);
  forget(key);
  return Result{};
}

void NodeLifecycleController::forget(const Key& key) {
  heartbeats_.forget(key.name);
  {
    const std::lock_guard lock(mutex_);
    memories_.erase(key.name);
  }
  if (!zones_->remove(key.name)) return;
  host().enqueue("", kZonesKey);
  corev1::Node gone;
  gone.mutable_metadata()->set_name(key.name);
  host().event(gone, "v1", "Node", "Normal", "RemovingNode",
               "Node " + key.name + " event: Removing Node " + key.name + " from Controller");
}

Expected<sdk::Controller::Result> NodeLifecycleController::look_at_zones() {
  const int64_t now = host().now_unix_ns();
  const auto decision = zones_->decide(now);
  if (decision.recovered) heartbeats_.restart(now);
  for (const auto& name : decision.look_at) host().enqueue("", name);
  return Result{decision.wait_ms};
}

// One write at a time; the node is looked at again when that is seen.
Expected<sdk::Controller::Result> NodeLifecycleController::look_at_node(const corev1::Node& node) {
  const std::string& name = node.metadata().name();
  const int64_t now = host().now_unix_ns();
  if (!zones_->knows(name)) {
    host().event(node, "v1", "Node", "Normal", "RegisteredNode",
                 "Node " + name + " event: Registered Node " + name + " in Controller");
  }
  if (zones_->put(node, now)) host().enqueue("", kZonesKey);
  const int64_t silent_after = heartbeats_.silent_after_ms(node, settings_, now);
  if (silent_after == 0) {
    auto silent = node;
    if (make_unknown(silent, now)) {
      if (auto written = write_unknown(std::move(silent)); !written.ok()) return written;
      if (readiness(node) == Ready::kTrue) {
        host().event(node, "v1", "Node", "Normal", "NodeNotReady", "Node " + name + " status is now: NodeNotReady");
      }
      return Result{};
    }
  }
  auto settled = node;
  if (settle_taints(settled, zones_->execute(name), now)) {
    if (auto written = sdk::unless_gone(host().update(settled)); !written.ok()) return written;
    return Result{silent_after};
  }
  const auto next_eviction = look_at_pods(node);
  if (!next_eviction) return next_eviction.error();
  return Result{earlier_wait(silent_after, *next_eviction)};
}

Status NodeLifecycleController::write_unknown(corev1::Node node) const {
  return sdk::unless_gone(host().update(node, "status"));
}

Expected<int64_t> NodeLifecycleController::look_at_pods(const corev1::Node& node) {
  Memory& memory = memory_of(node.metadata().name());
  auto taints = memory.taints.timed(no_execute_taints(node), host().now_unix_ns());
  const bool silent = readiness(node) == Ready::kUnknown;
  if (!silent && taints.empty() && memory.doomed.empty()) return 0;
  const auto pods = host().cached_by_index<corev1::Pod>("spec.nodeName", node.metadata().name());
  if (!pods) return pods.error();
  if (silent) {
    PodRefs all;
    for (const auto& pod : *pods) all.push_back(&pod);
    if (auto marked = mark_not_ready(host(), all); !marked.ok()) return marked;
  }
  return evict_due(*pods, taints, memory);
}

Expected<int64_t> NodeLifecycleController::evict_due(const std::vector<corev1::Pod>& pods,
                                                     const std::vector<TimedTaint>& taints, Memory& memory) const {
  const int64_t now = host().now_unix_ns();
  PodRefs due;
  std::set<std::string> doomed;
  int64_t next_ms = 0;
  for (const auto& pod : pods) {
    if (pod.metadata().has_deletion_timestamp()) continue;
    const auto at = evict_at_ns(pod, taints);
    if (!at) continue;
    const int64_t wait = until_ms(*at, now);
    if (wait == 0) {
      due.push_back(&pod);
    } else {
      next_ms = earlier_wait(next_ms, wait);
    }
    doomed.insert(full_name(pod));
  }
  tell_spared(pods, doomed, memory);
  if (auto evicted = evict(host(), due); !evicted.ok()) return evicted;
  return next_ms;
}

void NodeLifecycleController::tell_spared(const std::vector<corev1::Pod>& pods, const std::set<std::string>& doomed,
                                          Memory& memory) const {
  for (const auto& pod : pods) {
    const auto name = full_name(pod);
    if (pod.metadata().has_deletion_timestamp() || !memory.doomed.contains(name) || doomed.contains(name)) continue;
    host().event(pod, "v1", "Pod", "Normal", "TaintManagerEviction", "Cancelling deletion of Pod " + name);
  }
  memory.doomed = doomed;
}

NodeLifecycleController::Memory& NodeLifecycleController::memory_of(const std::string& node) {
  const std::lock_guard lock(mutex_);
  return memories_[node];
}

}  // namespace gantry::nodelifecycle
