#include "core/controller/work_queue.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace gantry::controller {
namespace {

constexpr int64_t kBaseDelayMs = 5;
constexpr int64_t kMaxDelayMs = 1'000'000;

int64_t backoff_ms(uint32_t failures) {
  if (failures > 18) return kMaxDelayMs;
  return std::min(kBaseDelayMs << (failures - 1), kMaxDelayMs);
}

}  // namespace

WorkQueue::WorkQueue(plugin::Timers& timers, plugin::WorkerPool& pool, size_t workers, Run run)
    : timers_(timers),
      pool_(pool),
      gate_(std::make_shared<Gate>()),
      workers_(std::max<size_t>(workers, 1)),
      run_(std::move(run)) {
  gate_->queue = this;
}

WorkQueue::~WorkQueue() { stop(); }

void WorkQueue::add(Key key) {
  const std::lock_guard lock(mutex_);
  add_locked(key);
  dispatch_locked();
}

void WorkQueue::add_locked(const Key& key) {
  if (stopped_) return;
  Item& item = items_[key];
  if (item.state == State::kIdle) {
    item.state = State::kQueued;
    ready_.push_back(key);
  } else if (item.state == State::kRunning) {
    item.state = State::kDirty;
  }
}

void WorkQueue::add_after(Key key, int64_t delay_ms) {
  if (delay_ms <= 0) return add(std::move(key));
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  schedule_locked(key, items_[key], delay_ms);
}

// One timer a key: the earliest of several wins.
void WorkQueue::schedule_locked(const Key& key, Item& item, int64_t delay_ms) {
  const int64_t due = timers_.clock().monotonic_ns() + delay_ms * 1'000'000;
  if (item.timer != 0 && item.due_ns <= due) return;
  item.due_ns = due;
  item.timer = ++generation_;  // an older timer of the key finds another number and does nothing
  timers_.start(delay_ms, [gate = gate_, key, generation = item.timer] {
    const std::lock_guard hold(gate->mutex);
    if (gate->queue != nullptr) gate->queue->fire(key, generation);
  });
}

void WorkQueue::fire(const Key& key, uint64_t generation) {
  const std::lock_guard lock(mutex_);
  const auto it = items_.find(key);
  if (stopped_ || it == items_.end() || it->second.timer != generation) return;
  it->second.timer = 0;
  add_locked(key);
  dispatch_locked();
}

void WorkQueue::start() {
  const std::lock_guard lock(mutex_);
  started_ = true;
  dispatch_locked();
}

bool WorkQueue::pause(int64_t wait_ms) {
  std::unique_lock lock(mutex_);
  paused_ = true;
  return quiet_.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return active_ == 0; });
}

void WorkQueue::resume() {
  const std::lock_guard lock(mutex_);
  paused_ = false;
  dispatch_locked();
}

void WorkQueue::stop() {
  {
    const std::lock_guard hold(gate_->mutex);
    gate_->queue = nullptr;
  }
  std::unique_lock lock(mutex_);
  stopped_ = true;
  started_ = false;
  ready_.clear();
  quiet_.wait(lock, [this] { return active_ == 0; });
}

void WorkQueue::dispatch_locked() {
  while (started_ && !paused_ && active_ - excused_ < workers_ && !ready_.empty()) {
    ++active_;
    auto key = std::move(ready_.front());
    ready_.pop_front();
    items_[key].state = State::kRunning;
    const bool posted = pool_.post([this, key] {
      Outcome outcome = run_(key);
      finish(key, outcome);
    });
    if (!posted) {  // the pool is full or gone: keep the key for the next event
      --active_;
      items_[key].state = State::kQueued;
      ready_.push_front(std::move(key));
      return;
    }
  }
}

void WorkQueue::finish(const Key& key, const Outcome& outcome) {
  const std::lock_guard lock(mutex_);
  Item& item = items_[key];
  const bool dirty = item.state == State::kDirty;
  item.state = State::kIdle;
  if (std::exchange(item.lateness, Lateness::kNone) == Lateness::kExcused) {
    --excused_;
    pool_.lend(false);
  }
  if (outcome.failed) {
    ++item.failures;
    ++retries_;
    if (!stopped_) schedule_locked(key, item, backoff_ms(item.failures));
  } else {
    if (!outcome.held) item.failures = 0;
    if (outcome.requeue_after_ms > 0 && !stopped_) schedule_locked(key, item, outcome.requeue_after_ms);
  }
  // An event during the run asks for another one at once, also after a failure: the world has changed.
  if (dirty) add_locked(key);
  forget_if_idle_locked(key);
  --active_;
  dispatch_locked();
  if (active_ == 0) quiet_.notify_all();
}

void WorkQueue::forget_if_idle_locked(const Key& key) {
  const auto it = items_.find(key);
  if (it != items_.end() && it->second.state == State::kIdle && it->second.timer == 0 && it->second.failures == 0) {
    items_.erase(it);
  }
}

void WorkQueue::excuse_locked(Item& item) {
  item.lateness = Lateness::kExcused;
  ++excused_;
  pool_.lend(true);
}

void WorkQueue::note_overdue(const Key& key, bool replaced) {
  const std::lock_guard lock(mutex_);
  const auto it = items_.find(key);
  const bool runs = it != items_.end() && (it->second.state == State::kRunning || it->second.state == State::kDirty);
  if (!runs || it->second.lateness == Lateness::kExcused) return;
  it->second.lateness = Lateness::kOverdue;
  if (!replaced) return;
  excuse_locked(it->second);
  dispatch_locked();
}

void WorkQueue::excuse_overdue() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, item] : items_) {
    if (item.lateness == Lateness::kOverdue) excuse_locked(item);
  }
  dispatch_locked();
}

size_t WorkQueue::depth() const {
  const std::lock_guard lock(mutex_);
  return ready_.size();
}

uint64_t WorkQueue::retries() const {
  const std::lock_guard lock(mutex_);
  return retries_;
}

}  // namespace gantry::controller
