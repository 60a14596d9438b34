#include "core/node/pod/pod_worker.hpp"

#include <algorithm>

namespace gantry::node {
namespace {

constexpr int64_t kFirstRetryMs = 1'000, kLastRetryMs = 60'000;

int64_t retry_ms(uint32_t failures) {
  return failures > 6 ? kLastRetryMs : std::min(kLastRetryMs, kFirstRetryMs << (failures - 1));
}

}  // namespace

PodWorkers::PodWorkers(plugin::Timers& timers, const plugin::Clock& clock, plugin::WorkerPool& pool, Sync sync)
    : timers_(timers), clock_(clock), pool_(pool), sync_(std::move(sync)), gate_(std::make_shared<Gate>()) {
  gate_->workers = this;
}

PodWorkers::~PodWorkers() { stop(); }

void PodWorkers::wake(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  wake_locked(uid);
}

void PodWorkers::wake_locked(const std::string& uid) {
  if (stopped_) return;
  auto& item = items_[uid];
  if (item.state == State::kRunning) {
    item.state = State::kDirty;
  } else if (item.state == State::kIdle) {
    item.state = State::kQueued;
    if (started_) post_locked(uid);
  }
}

void PodWorkers::post_locked(const std::string& uid) {
  // A full pool: the next relist wakes the pod again.
  if (!pool_.post([gate = gate_, uid] { run(*gate, uid); })) items_[uid].state = State::kIdle;
}

void PodWorkers::wake_after(const std::string& uid, int64_t delay_ms) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  if (delay_ms <= 0) return wake_locked(uid);
  schedule_locked(uid, items_[uid], delay_ms);
}

// One timer a pod: the earliest of several wins; the others find another number and do nothing.
void PodWorkers::schedule_locked(const std::string& uid, Item& item, int64_t delay_ms) {
  const int64_t due = clock_.monotonic_ns() + delay_ms * 1'000'000;
  if (item.timer != 0 && item.due_ns <= due) return;
  item.due_ns = due;
  item.timer = ++generation_;
  timers_.start(delay_ms, [gate = gate_, uid, generation = item.timer] {
    const std::lock_guard hold(gate->mutex);
    if (gate->workers != nullptr) gate->workers->fire(uid, generation);
  });
}

void PodWorkers::fire(const std::string& uid, uint64_t generation) {
  const std::lock_guard lock(mutex_);
  const auto found = items_.find(uid);
  if (found == items_.end() || found->second.timer != generation) return;
  found->second.timer = 0;
  wake_locked(uid);
}

void PodWorkers::start() {
  const std::lock_guard lock(mutex_);
  if (stopped_ || started_) return;
  started_ = true;
  for (auto& [uid, item] : items_) {
    if (item.state == State::kQueued) post_locked(uid);
  }
}

void PodWorkers::stop() {
  {
    const std::lock_guard hold(gate_->mutex);
    gate_->workers = nullptr;
  }
  std::unique_lock lock(mutex_);
  stopped_ = true;
  quiet_.wait(lock, [this] { return running_ == 0; });
}

void PodWorkers::run(Gate& gate, const std::string& uid) {
  PodWorkers* workers = nullptr;
  {
    const std::lock_guard hold(gate.mutex);
    workers = gate.workers;
    if (workers == nullptr || !workers->begin(uid)) return;
  }
  workers->finish(uid, workers->sync_(uid));
}

// True: stop() waits for its finish().
bool PodWorkers::begin(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  const auto found = items_.find(uid);
  if (found == items_.end()) return false;
  found->second.state = State::kRunning;
  found->second.timer = 0;  // what a timer wanted happens now
  ++running_;
  return true;
}

void PodWorkers::finish(const std::string& uid, const Outcome& outcome) {
  const std::lock_guard lock(mutex_);
  auto& item = items_[uid];
  const bool dirty = item.state == State::kDirty;
  item.state = State::kIdle;
  item.failures = outcome.failed ? item.failures + 1 : 0;
  if (outcome.failed && !stopped_) schedule_locked(uid, item, retry_ms(item.failures));
  if (!outcome.failed && outcome.again_ms > 0 && !stopped_) schedule_locked(uid, item, outcome.again_ms);
  if (dirty) wake_locked(uid);
  if (item.state == State::kIdle && item.timer == 0 && item.failures == 0) items_.erase(uid);
  --running_;
  // Under the lock: stop()'s caller may destroy this as soon as it can go on.
  if (running_ == 0) quiet_.notify_all();
}

}  // namespace gantry::node
