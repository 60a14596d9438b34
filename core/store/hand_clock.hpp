// For tests: a clock for a store's times to live that stands until the test moves it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "core/store/sqlite_store.hpp"

namespace gantry::store {

// A thread of its own calls back who is due.
class HandClock {
 public:
  using Time = std::chrono::steady_clock::time_point;

  HandClock() : thread_([this] { run(); }) {}
  ~HandClock() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void drive(SqliteOptions& options) {
    options.now = [this] { return now(); };
    options.schedule = [this](int64_t delay_ms, std::function<void()> work) {
      const std::lock_guard lock(mutex_);
      due_.emplace(now_ + std::chrono::milliseconds(delay_ms), std::move(work));
      ++asked_;
      changed_.notify_all();
    };
  }
  Time now() const {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  void advance(std::chrono::milliseconds by) {
    const std::lock_guard lock(mutex_);
    now_ += by;
    changed_.notify_all();
  }
  // How often somebody wanted to be called back.
  int asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || (!due_.empty() && due_.begin()->first <= now_); });
      if (stopping_) return;
      const auto work = std::move(due_.extract(due_.begin()).mapped());
      lock.unlock();
      work();
      lock.lock();
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Time now_ = Time() + std::chrono::hours(1);
  std::multimap<Time, std::function<void()>> due_;
  int asked_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace gantry::store
