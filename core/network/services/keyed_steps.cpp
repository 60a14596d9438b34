#include "core/network/services/keyed_steps.hpp"

#include <algorithm>
#include <utility>

#include "core/network/retry.hpp"

namespace gantry::network {

void KeyedSteps::look(const std::string& key) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.insert(key);
  }
  run();
}

void KeyedSteps::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
}

// Answers may come while it asks, on this thread, too: one loop takes them all.
void KeyedSteps::run() {
  std::unique_lock lock(mutex_);
  if (running_) return;
  running_ = true;
  while (!stopped_ && busy_.size() < kMostAtOnce) {
    const auto found = std::ranges::find_if(waiting_, [this](const std::string& key) { return !busy_.contains(key); });
    if (found == waiting_.end()) break;
    const std::string key = *found;
    waiting_.erase(found);
    busy_.insert(key);
    lock.unlock();
    ask(key);
    lock.lock();
  }
  running_ = false;
}

void KeyedSteps::ask(const std::string& key) {
  auto request = options_.next(key);
  if (!request) return release(key, false);
  options_.client->call(std::move(*request), [weak = weak_from_this(), key](const auto& answer) {
    if (const auto self = weak.lock()) self->answered(key, answer ? Status() : answer.error());
  });
}

void KeyedSteps::answered(const std::string& key, const Status& status) {
  if (status.ok()) {
    release(key, false);
    return run();
  }
  int failures = 0;
  {
    const std::lock_guard lock(mutex_);
    failures = ++failures_[key];
  }
  // Who was too late, or too early, hears what is so.
  const bool stale = status.code() == 404 || status.code() == 409;
  if (failures == kFailuresToTell && !stale) options_.trouble(key, status);
  options_.schedule(retry_ms(failures), [weak = weak_from_this(), key] {
    const auto self = weak.lock();
    if (!self) return;
    self->release(key, true);
    self->run();
  });
}

void KeyedSteps::release(const std::string& key, bool again) {
  const std::lock_guard lock(mutex_);
  busy_.erase(key);
  if (again) waiting_.insert(key);
  if (!again) failures_.erase(key);
}

}  // namespace gantry::network
