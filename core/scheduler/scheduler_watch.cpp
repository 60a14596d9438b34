// What the Scheduler makes of what its watches bring: the nodes, pods and namespaces of its cache, and the queue of
// pods that wait. On the scheduling thread, each under the lock.
#include <set>

#include "core/scheduler/scheduler.hpp"
#include "k8s.io/api/core/v1/namespace.pb.h"

namespace gantry::scheduler {
namespace {

bool finished(const corev1::Pod& pod) {
  return pod.status().phase() == "Succeeded" || pod.status().phase() == "Failed";
}

}  // namespace

bool Scheduler::wants(const corev1::Pod& pod) const {
  const auto& name = pod.spec().scheduler_name();
  return pod.spec().node_name().empty() && (name.empty() || name == options_.name) &&
         !pod.metadata().has_deletion_timestamp() && pod.spec().scheduling_gates().empty() && !finished(pod);
}

void Scheduler::happened_locked(Changes changes) { queue_.wake(changes, options_.clock->monotonic_ns()); }

void Scheduler::tell_topics_locked() {
  const auto topics = cache_.tallies().take_touched();
  if (!topics.empty()) queue_.wake_topics(topics, options_.clock->monotonic_ns());
}

void Scheduler::see_pod_locked(const client::Object& object, bool deleted) {
  corev1::Pod pod;
  if (!pod.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()))) return;
  const auto& uid = pod.metadata().uid();
  if (deleted || finished(pod)) {
    const bool promised = forget_waiting_locked(uid);
    if (cache_.remove_pod(uid) || promised) happened_locked(Changes::kPodGone);
    return;
  }
  if (!pod.spec().node_name().empty()) {
    const std::string* promised = nominations_.node_of(uid);
    const bool elsewhere = promised != nullptr && *promised != pod.spec().node_name();
    forget_waiting_locked(uid);
    if (elsewhere) happened_locked(Changes::kPodGone);
    cache_.add_pod(read_pod(pod), pod.spec().node_name());
    return;
  }
  if (!wants(pod)) {
    if (forget_waiting_locked(uid)) happened_locked(Changes::kPodGone);
    return;
  }
  // Assumed: its binding is on the way, and this is an event from before it.
  if (cache_.has_pod(uid)) return;
  const auto waiting = read_waiting_pod(pod);
  if (nominations_.hear(waiting)) happened_locked(Changes::kPodGone);
  queue_.add(waiting, options_.clock->monotonic_ns());
}

void Scheduler::on_pod(const client::WatchEvent& event) {
  const std::lock_guard lock(mutex_);
  see_pod_locked(event.object, event.type == client::WatchEvent::Type::kDeleted);
  tell_topics_locked();
}

void Scheduler::replace_pods(const client::Client::List& list) {
  const std::lock_guard lock(mutex_);
  // What vanished while the watch was broken is not in the list: begin anew with what is.
  NodeCache fresh = cache_.without_pods();
  for (const auto& [uid, binding] : bindings_) fresh.add_pod(binding.first, binding.second, true);
  cache_ = std::move(fresh);
  queue_ = SchedulingQueue();
  nominations_.clear();
  evictions_.clear();
  for (const auto& object : list.objects) see_pod_locked(object, false);
  pods_synced_ = true;
}

void Scheduler::on_node(const client::WatchEvent& event) {
  corev1::Node node;
  if (!node.ParseFromArray(event.object.bytes.data(), static_cast<int>(event.object.bytes.size()))) return;
  const std::lock_guard lock(mutex_);
  if (event.type == client::WatchEvent::Type::kDeleted) {
    cache_.remove_node(node.metadata().name());
    happened_locked(Changes::kNodeGone);
  } else {
    happened_locked(cache_.set_node(read_node(node)));
  }
}

void Scheduler::on_namespace(const client::WatchEvent& event) {
  corev1::Namespace ns;
  if (!ns.ParseFromArray(event.object.bytes.data(), static_cast<int>(event.object.bytes.size()))) return;
  const bool gone = event.type == client::WatchEvent::Type::kDeleted;
  const std::lock_guard lock(mutex_);
  cache_.tallies().set_namespace(ns.metadata().name(), gone ? nullptr : &ns.metadata().labels());
  tell_topics_locked();
}

void Scheduler::replace_namespaces(const client::Client::List& list) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> gone;
  for (const auto& [name, labels] : cache_.tallies().namespaces()) gone.insert(name);
  for (const auto& object : list.objects) {
    corev1::Namespace ns;
    if (!ns.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()))) continue;
    gone.erase(ns.metadata().name());
    cache_.tallies().set_namespace(ns.metadata().name(), &ns.metadata().labels());
  }
  for (const auto& name : gone) cache_.tallies().set_namespace(name, nullptr);
  namespaces_synced_ = true;
  tell_topics_locked();
}

void Scheduler::replace_nodes(const client::Client::List& list) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> gone;
  for (const NodeState* node : cache_.nodes()) gone.insert(node->facts.name);
  for (const auto& object : list.objects) {
    corev1::Node node;
    if (!node.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()))) continue;
    gone.erase(node.metadata().name());
    cache_.set_node(read_node(node));
  }
  for (const auto& name : gone) cache_.remove_node(name);
  nodes_synced_ = true;
  happened_locked(Changes::kAny);
}

}  // namespace gantry::scheduler
