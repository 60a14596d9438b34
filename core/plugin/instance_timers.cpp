#include "core/plugin/instance_timers.hpp"

#include <utility>

#include "core/simulation/turns.hpp"

namespace gantry::plugin {

uint64_t InstanceTimers::start(int64_t delay_ms, std::function<void()> fire) {
  const std::lock_guard lock(mutex_);
  if (closed_ || waiting_.size() >= most_) return 0;
  const uint64_t id = ++last_id_;
  auto& timer = waiting_[id];
  timer.fire = std::move(fire);
  timer.host_id = timers_.start(delay_ms, [weak = weak_from_this(), id] {
    if (const auto self = weak.lock()) self->due(id);
  });
  return id;
}

// Posted under the lock: after close() nothing is.
void InstanceTimers::due(uint64_t id) {
  const std::lock_guard lock(mutex_);
  if (waiting_.count(id) == 0) return;
  if (!post_([self = shared_from_this(), id] { self->fire(id); })) waiting_.erase(id);
}

void InstanceTimers::fire(uint64_t id) {
  decltype(waiting_)::node_type timer;
  {
    const std::lock_guard lock(mutex_);
    timer = waiting_.extract(id);
    if (!timer) return;  // cancelled since it was due
    running_ = id;
    runner_ = std::this_thread::get_id();
  }
  timer.mapped().fire();
  {
    const std::lock_guard lock(mutex_);
    running_ = 0;
    runner_ = {};
  }
  finished_.notify_all();
}

void InstanceTimers::cancel(uint64_t id) {
  uint64_t host_id = 0;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = waiting_.find(id); it != waiting_.end()) {
      host_id = it->second.host_id;
      waiting_.erase(it);
    } else if (running_ != id || runner_ == std::this_thread::get_id()) {
      return;
    }
  }
  if (host_id != 0) return timers_.drop(host_id);
  const simulation::GiveWay others;  // the callback may need a turn to end
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [&] { return running_ != id; });
}

void InstanceTimers::close() {
  decltype(waiting_) dropped;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    dropped.swap(waiting_);
  }
  for (const auto& [id, timer] : dropped) timers_.drop(timer.host_id);
}

size_t InstanceTimers::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace gantry::plugin
