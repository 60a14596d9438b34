#include "core/controller/work_queue.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/plugin/bounds.hpp"

namespace gantry::controller {
namespace {

namespace bounds = plugin::bounds;

constexpr int64_t kBaseDelayMs = 5;
constexpr int64_t kMaxDelayMs = 1'000'000;
// Of add_after: keeps the arithmetic in range.
constexpr int64_t kMaxWaitMs = 366LL * 24 * 3600 * 1000;

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

bool WorkQueue::has_room_locked(const Key& key, From from) const {
  const size_t parts = from == From::kMap ? 2 : 1;
  const size_t bytes = key.ns.size() + key.name.size();
  return bytes <= bounds::kKeySize && made_up_ < parts * bounds::kKeys &&
         made_up_bytes_ + bytes <= parts * bounds::kKeyBytes;
}

void WorkQueue::count_locked(const Key& key, bool more) {
  const size_t bytes = key.ns.size() + key.name.size();
  made_up_ += more ? 1 : size_t{0} - 1;
  made_up_bytes_ += more ? bytes : size_t{0} - bytes;
}

bool WorkQueue::offer(Key key, int64_t delay_ms, From from) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return true;
  if (items_.count(key) == 0) {
    if (!has_room_locked(key, from)) return false;
    items_[key].by_plugin = true;
    count_locked(key, true);
  }
  if (delay_ms > 0) {
    schedule_locked(key, items_[key], delay_ms);
    return true;
  }
  add_locked(key);
  dispatch_locked();
  return true;
}

bool WorkQueue::full() {
  const std::lock_guard lock(mutex_);
  room_wanted_ = made_up_ >= bounds::kKeys || made_up_bytes_ >= bounds::kKeyBytes;
  return room_wanted_;
}

void WorkQueue::on_room(std::function<void()> room) {
  const std::lock_guard lock(mutex_);
  room_ = std::move(room);
}

void WorkQueue::drop_timer_locked(Item& item) {
  if (item.timer != 0) timers_.drop(item.timer_id);
  item.timer = 0;
}

// One timer a key: the earliest of several wins.
void WorkQueue::schedule_locked(const Key& key, Item& item, int64_t delay_ms) {
  delay_ms = std::min(delay_ms, kMaxWaitMs);
  const int64_t due = timers_.clock().monotonic_ns() + delay_ms * 1'000'000;
  if (item.timer != 0 && item.due_ns <= due) return;
  drop_timer_locked(item);
  item.due_ns = due;
  item.timer = ++generation_;  // an older timer that fires just now finds another number and does nothing
  item.timer_id = timers_.start(delay_ms, [gate = gate_, key, generation = item.timer] {
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
  ++epoch_;
  paused_ = down_ = false;
  dispatch_locked();
}

uint64_t WorkQueue::epoch() const {
  const std::lock_guard lock(mutex_);
  return epoch_;
}

void WorkQueue::stop() {
  {
    const std::lock_guard hold(gate_->mutex);
    gate_->queue = nullptr;
  }
  std::unique_lock lock(mutex_);
  stopped_ = true;
  started_ = false;
  room_ = nullptr;
  ready_.clear();
  for (auto& [key, item] : items_) drop_timer_locked(item);
  quiet_.wait(lock, [this] { return active_ == 0; });
}

void WorkQueue::dispatch_locked() {
  while (started_ && !paused_ && !down_ && active_ - excused_ < workers_ && !ready_.empty()) {
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
  std::unique_lock lock(mutex_);
  settle_locked(key, outcome);
  forget_if_idle_locked(key);
  if (room_wanted_ && made_up_ <= bounds::kKeys / 2 && made_up_bytes_ <= bounds::kKeyBytes / 2) {
    room_wanted_ = false;
    const auto room = room_;
    lock.unlock();
    if (room) room();
    lock.lock();
  }
  --active_;
  dispatch_locked();
  if (active_ == 0) quiet_.notify_all();
}

void WorkQueue::settle_locked(const Key& key, const Outcome& outcome) {
  Item& item = items_[key];
  const bool dirty = item.state == State::kDirty;
  item.state = State::kIdle;
  if (std::exchange(item.lateness, Lateness::kNone) == Lateness::kExcused) {
    --excused_;
    pool_.lend(false);
  }
  if (outcome.down) {
    if (stopped_) return;
    down_ = outcome.epoch == epoch_;
    item.state = State::kQueued;
    ready_.push_front(key);
    return;
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
}

void WorkQueue::forget_if_idle_locked(const Key& key) {
  const auto it = items_.find(key);
  if (it == items_.end() || it->second.state != State::kIdle || it->second.timer != 0 || it->second.failures != 0) {
    return;
  }
  if (it->second.by_plugin) count_locked(key, false);
  items_.erase(it);
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
