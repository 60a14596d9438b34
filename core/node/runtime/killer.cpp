#include "core/node/runtime/killer.hpp"

#include <algorithm>

#include "core/node/find_container.hpp"

namespace gantry::node {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000, kMilliNs = 1'000'000;
constexpr int64_t kLeastGraceAfterHook = 2;  // seconds; after a hook that used it all up
constexpr int64_t kAgainMs = 1'000;

// With a preStop hook that is to run, or null.
const corev1::Container* hooked(const KillOrder& order) {
  if (order.pod == nullptr || order.grace_seconds <= 0) return nullptr;
  const auto* container = find_container(*order.pod, order.container);
  return container != nullptr && container->lifecycle().has_pre_stop() ? container : nullptr;
}

}  // namespace

Killer::Killer(const RuntimeClient& runtime, HookRunner& runner, plugin::Timers& timers, Hooks hooks)
    : runtime_(runtime), runner_(runner), timers_(timers), hooks_(std::move(hooks)) {
  gate_->killer = this;
}

Killer::~Killer() { stop(); }

void Killer::stop() {
  {
    const std::lock_guard hold(gate_->mutex);
    gate_->killer = nullptr;
  }
  std::map<std::string, Entry> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(entries_);
  }
  for (const auto& [id, entry] : dropped) {
    if (entry.timer != 0) timers_.cancel(entry.timer);  // 0 would wait for one to run
  }
  signals_.stop();
}

bool Killer::killing(const std::string& container_id) const {
  const std::lock_guard lock(mutex_);
  return entries_.contains(container_id);
}

bool Killer::kill(KillOrder order) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return false;
  const std::string id = order.container_id;
  const int64_t grace = order.grace_seconds;
  const int64_t deadline = timers_.clock().monotonic_ns() + grace * kSecondNs;
  const auto [at, first] = entries_.try_emplace(id);
  auto& entry = at->second;
  if (first) {
    entry.order = std::move(order);
    entry.deadline_ns = deadline;
    const bool hook = hooked(entry.order) != nullptr;
    entry.phase = hook ? Phase::kHook : Phase::kSignal;
    post_locked(id, entry, hook ? &Killer::run_hook : &Killer::signal);
    return true;
  }
  // A second is what rounding the remaining grace may differ by.
  if (deadline > entry.deadline_ns - kSecondNs) return false;
  entry.deadline_ns = deadline;
  if (entry.phase == Phase::kHook) arm_locked(id, entry, std::max<int64_t>(grace, 0) * 1'000);
  if (entry.phase == Phase::kGrace) arm_locked(id, entry, left_ms_locked(entry));
  // A pod that is deleted a second time with less grace does not get a third stop.
  if (entry.phase == Phase::kBlocked && entry.blocked == 1) block_locked(id, entry, grace);
  return false;
}

void Killer::exited(const std::string& container_id) {
  uint64_t timer = 0, hook = 0;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(container_id);
    // Calls that are under way end by themselves.
    if (found == entries_.end() || found->second.phase >= Phase::kKill) return;
    timer = found->second.timer;
    hook = found->second.hook;
    entries_.erase(found);
  }
  if (timer != 0) timers_.cancel(timer);
  runner_.cancel(hook);
}

Killer::Entry* Killer::find_locked(const std::string& id, uint64_t round) {
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.round == round ? &found->second : nullptr;
}

int64_t Killer::left_ms_locked(const Entry& entry) const {
  return std::max(kLeastGraceAfterHook * 1'000, (entry.deadline_ns - timers_.clock().monotonic_ns()) / kMilliNs);
}

// What was awaited before comes too late now, but for a hook, whose time this bounds.
void Killer::arm_locked(const std::string& id, Entry& entry, int64_t delay_ms) {
  if (entry.phase != Phase::kHook) entry.round = ++round_;
  entry.timer = timers_.start(delay_ms, [gate = gate_, id, round = entry.round] {
    const std::lock_guard hold(gate->mutex);
    if (gate->killer != nullptr) gate->killer->fire(id, round);
  });
}

void Killer::post_locked(const std::string& id, Entry& entry, Step step) {
  entry.round = ++round_;
  if (signals_.post([this, id, step, round = entry.round] { (this->*step)(id, round); })) return;
  // The queue is full: the signal alone, and later.
  if (entry.phase == Phase::kHook) entry.phase = Phase::kSignal;
  arm_locked(id, entry, kAgainMs);
}

void Killer::fire(const std::string& id, uint64_t round) {
  uint64_t hook = 0;
  {
    const std::lock_guard lock(mutex_);
    auto* entry = find_locked(id, round);
    if (entry == nullptr) return;
    switch (entry->phase) {
      case Phase::kHook:
        hook = entry->hook;
        break;
      case Phase::kSignal:
        return post_locked(id, *entry, &Killer::signal);
      case Phase::kGrace:
      case Phase::kKill:
        entry->phase = Phase::kKill;
        return post_locked(id, *entry, &Killer::end);
      case Phase::kBlocked:
        return;
    }
  }
  runner_.cancel(hook);
  hook_done(id, round, Status::timeout("the grace period is over"));
}

void Killer::run_hook(const std::string& id, uint64_t round) {
  KillOrder order;
  {
    const std::lock_guard lock(mutex_);
    const auto* entry = find_locked(id, round);
    if (entry == nullptr) return;
    order = entry->order;
  }
  const auto& container = *hooked(order);
  const uint64_t hook =
      runner_.run(container.lifecycle().pre_stop(), {id, order.pod_ip, container}, order.grace_seconds,
                  [this, id, round](const Status& status) { hook_done(id, round, status); });
  {
    const std::lock_guard lock(mutex_);
    if (auto* entry = find_locked(id, round)) {
      entry->hook = hook;
      return;
    }
  }
  runner_.cancel(hook);  // the container ended, or the hook did
}

void Killer::hook_done(const std::string& id, uint64_t round, const Status& status) {
  KillOrder order;
  {
    const std::lock_guard lock(mutex_);
    auto* entry = find_locked(id, round);
    if (entry == nullptr) return;
    entry->phase = Phase::kSignal;
    post_locked(id, *entry, &Killer::signal);
    order = entry->order;
  }
  if (!status.ok() && hooks_.hook_failed) hooks_.hook_failed(order, status);
}

void Killer::signal(const std::string& id, uint64_t round) {
  {
    const std::lock_guard lock(mutex_);
    if (find_locked(id, round) == nullptr) return;
  }
  const auto status = runtime_.signal_container(id);
  if (!status.ok() && status.code() != 501) log_failure(id, status);
  const std::lock_guard lock(mutex_);
  auto* entry = find_locked(id, round);
  if (entry == nullptr) return;
  const bool late = timers_.clock().monotonic_ns() >= entry->deadline_ns;
  if (status.code() == 501) return block_locked(id, *entry, left_ms_locked(*entry) / 1'000);
  // Not signalled: once more, unless its time is over.
  if (!status.ok() && status.code() != 404 && !late) return arm_locked(id, *entry, kAgainMs);
  entry->phase = Phase::kGrace;
  arm_locked(id, *entry, left_ms_locked(*entry));
}

void Killer::end(const std::string& id, uint64_t round) {
  std::string pod;
  {
    const std::lock_guard lock(mutex_);
    const auto* entry = find_locked(id, round);
    if (entry == nullptr) return;
    pod = entry->order.pod_uid;
  }
  runtime_.stop_container(id, 0, [gate = gate_, id, pod](const Status& status) {
    const std::lock_guard hold(gate->mutex);
    if (gate->killer != nullptr) gate->killer->ended(id, pod, status);
  });
}

void Killer::ended(const std::string& id, const std::string& pod, const Status& status) {
  log_failure(id, status);
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    entries_.erase(id);
  }
  hooks_.done(pod);
}

void Killer::block_locked(const std::string& id, Entry& entry, int64_t grace_seconds) {
  entry.phase = Phase::kBlocked;
  entry.round = ++round_;
  const int64_t grace = std::max(kLeastGraceAfterHook, grace_seconds);
  const auto told = [gate = gate_, id](const Status& status) {
    const std::lock_guard hold(gate->mutex);
    if (gate->killer != nullptr) gate->killer->blocked(id, status);
  };
  if (signals_.post([this, id, grace, told] { runtime_.stop_container(id, grace, told); })) {
    ++entry.blocked;
  } else if (entry.blocked == 0) {
    entry.phase = Phase::kSignal;
    arm_locked(id, entry, kAgainMs);
  }
}

void Killer::blocked(const std::string& id, const Status& status) {
  log_failure(id, status);
  std::string pod;
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(id);
    if (stopped_ || found == entries_.end()) return;
    pod = found->second.order.pod_uid;
    if (--found->second.blocked == 0) entries_.erase(found);
  }
  hooks_.done(pod);
}

void Killer::log_failure(const std::string& id, const Status& status) const {
  if (!status.ok() && status.code() != 404) hooks_.log("stop container " + id + ": " + status.message());
}

}  // namespace gantry::node
