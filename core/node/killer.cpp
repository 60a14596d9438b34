#include "core/node/killer.hpp"

#include <algorithm>

#include "core/node/hooks.hpp"

namespace gantry::node {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kLeastGrace = 2;  // after a hook that used it all up

const corev1::Container* find_container(const corev1::Pod& pod, const std::string& name) {
  for (const auto& container : pod.spec().containers()) {
    if (container.name() == name) return &container;
  }
  for (const auto& container : pod.spec().init_containers()) {
    if (container.name() == name) return &container;
  }
  return nullptr;
}

}  // namespace

Killer::Killer(const RuntimeClient& runtime, const plugin::Clock& clock, Hooks hooks)
    : runtime_(runtime), clock_(clock), hooks_(std::move(hooks)) {}

Killer::~Killer() { stop(); }

void Killer::stop() {
  stopped_ = true;
  pool_.stop();
}

bool Killer::killing(const std::string& container_id) const {
  const std::lock_guard lock(mutex_);
  return running_.contains(container_id);
}

bool Killer::kill(KillOrder order) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  const int64_t deadline = clock_.monotonic_ns() + order.grace_seconds * kSecond;
  auto& entry = running_[order.container_id];
  // A second is what rounding the remaining grace may differ by.
  if (entry.running > 0 && deadline > entry.deadline_ns - kSecond) return false;
  // A pod that is deleted a second time with less grace does not get a third stop.
  if (entry.running > 1) return false;
  const bool first = entry.running == 0;
  entry.deadline_ns = deadline;
  ++entry.running;
  const std::string id = order.container_id;
  if (!first) order.pod = nullptr;  // its hook runs, or ran, already
  if (pool_.post([this, order = std::move(order)] { run(order); })) return first;
  if (--entry.running == 0) running_.erase(id);
  return false;
}

void Killer::run(const KillOrder& order) {
  if (!stopped_) {
    const int64_t left = std::max(kLeastGrace, order.grace_seconds - run_pre_stop(order));
    if (auto status = runtime_.stop_container(order.container_id, left); !status.ok() && status.code() != 404) {
      hooks_.log("stop container " + order.container_id + ": " + status.message());
    }
  }
  finish(order);
}

// How many seconds the hook took.
int64_t Killer::run_pre_stop(const KillOrder& order) {
  if (order.pod == nullptr || order.grace_seconds <= 0) return 0;
  const auto* container = find_container(*order.pod, order.container);
  if (container == nullptr || !container->lifecycle().has_pre_stop()) return 0;
  const int64_t begin = clock_.monotonic_ns();
  const HookTarget target{order.container_id, order.pod_ip, order.pod.get(), container};
  const auto status = run_hook(runtime_, container->lifecycle().pre_stop(), target, order.grace_seconds, stopped_);
  if (!status.ok() && hooks_.hook_failed) hooks_.hook_failed(order, status);
  return (clock_.monotonic_ns() - begin) / kSecond;
}

void Killer::finish(const KillOrder& order) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(order.container_id);
    if (--found->second.running == 0) running_.erase(found);
  }
  if (!stopped_) hooks_.done(order.pod_uid);
}

}  // namespace gantry::node
