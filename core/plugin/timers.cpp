#include "core/plugin/timers.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>

namespace gantry::plugin {

Timers::Timers(const Clock& clock, Driven driven) : clock_(clock) {
  if (driven == Driven::kByThread) thread_ = std::thread([this] { run(); });
}

Timers::~Timers() { stop(); }

uint64_t Timers::start(int64_t delay_ms, std::function<void()> fire) {
  // Beyond a year is as good as a year, and keeps the arithmetic in range.
  const int64_t delay = std::clamp<int64_t>(delay_ms, 0, 366LL * 24 * 3600 * 1000);
  const int64_t at = clock_.monotonic_ns() + delay * 1'000'000;
  const std::lock_guard lock(mutex_);
  const uint64_t id = ++next_id_;
  if (stopped_) return id;
  const auto place = due_.emplace(Due{at, id}, std::move(fire)).first;
  when_[id] = at;
  if (place == due_.begin()) wake_.notify_one();
  return id;
}

bool Timers::drop_waiting(uint64_t id) {
  std::function<void()> dropped;  // destroyed without the lock: captures may call back
  const std::lock_guard lock(mutex_);
  const auto it = when_.find(id);
  if (it == when_.end()) return false;
  const auto place = due_.find({it->second, id});
  dropped = std::move(place->second);
  due_.erase(place);
  when_.erase(it);
  return true;
}

void Timers::drop(uint64_t id) { drop_waiting(id); }

void Timers::cancel(uint64_t id) {
  // 0 is no timer, and what running_ says while none runs.
  if (id == 0 || drop_waiting(id)) return;
  std::unique_lock lock(mutex_);
  if (std::this_thread::get_id() == runner_) return;
  finished_.wait(lock, [&] { return running_ != id; });
}

void Timers::stop() {
  std::map<Due, std::function<void()>> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(due_);
    when_.clear();
  }
  wake_.notify_all();
  if (thread_.joinable() && std::this_thread::get_id() != thread_.get_id()) thread_.join();
}

void Timers::run() {
  pthread_setname_np(pthread_self(), "timers");
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (due_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const int64_t wait = due_.begin()->first.first - clock_.monotonic_ns();
    if (wait > 0) {
      wake_.wait_for(lock, std::chrono::nanoseconds(wait));
      continue;
    }
    fire_first_locked(lock);
  }
}

void Timers::fire_first_locked(std::unique_lock<std::mutex>& lock) {
  auto node = due_.extract(due_.begin());
  running_ = node.key().second;
  runner_ = std::this_thread::get_id();
  when_.erase(running_);
  lock.unlock();
  node.mapped()();
  node.mapped() = nullptr;
  lock.lock();
  running_ = 0;
  runner_ = {};
  finished_.notify_all();
}

size_t Timers::waiting() const {
  const std::lock_guard lock(mutex_);
  return due_.size();
}

std::optional<int64_t> Timers::next_due() const {
  const std::lock_guard lock(mutex_);
  if (due_.empty()) return std::nullopt;
  return due_.begin()->first.first;
}

bool Timers::fire_next() {
  std::unique_lock lock(mutex_);
  if (stopped_ || due_.empty() || due_.begin()->first.first > clock_.monotonic_ns()) return false;
  fire_first_locked(lock);
  return true;
}

}  // namespace gantry::plugin
