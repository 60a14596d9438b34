// Timers, tasks and metrics of a ScriptedHost: nothing happens by itself, the test says when. One thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "gantry/abi/metrics.h"
#include "gantry/abi/tasks.h"
#include "gantry/abi/timer.h"

namespace gantry::testkit {

class ScriptedTimers {
 public:
  explicit ScriptedTimers(int64_t& now_ns) : now_ns_(now_ns) {}

  uint64_t start(int64_t delay_ms, void (*fire)(void*), void* context) {
    const uint64_t id = ++last_;
    waiting_.emplace(id, Waiting{now_ns_ + delay_ms * kMs, fire, context});
    return id;
  }
  void cancel(uint64_t id) { waiting_.erase(id); }
  size_t waiting() const { return waiting_.size(); }

  // Moves the clock, and runs what falls due on the way, in the order of its time; also what that starts.
  void advance(int64_t ms) {
    const int64_t until = now_ns_ + ms * kMs;
    for (;;) {
      auto next = waiting_.end();
      for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
        if (it->second.due_ns <= until && (next == waiting_.end() || it->second.due_ns < next->second.due_ns))
          next = it;
      }
      if (next == waiting_.end()) break;
      const auto one = next->second;
      waiting_.erase(next);
      now_ns_ = std::max(now_ns_, one.due_ns);
      one.fire(one.context);
    }
    now_ns_ = until;
  }

 private:
  static constexpr int64_t kMs = 1'000'000;
  struct Waiting {
    int64_t due_ns;
    void (*fire)(void*);
    void* context;
  };
  int64_t& now_ns_;
  std::map<uint64_t, Waiting> waiting_;  // by id, that is in the order in which they were started
  uint64_t last_ = 0;
};

class ScriptedTasks {
 public:
  // Refuses as a daemon does when a plugin has too many.
  static constexpr size_t kMost = 1024;

  int32_t run(void (*fn)(void*), void* context) {
    if (waiting_.size() == kMost) return 429;
    waiting_.emplace_back(fn, context);
    return 0;
  }
  size_t waiting() const { return waiting_.size(); }
  // Runs all that wait, also what they add; how many it were.
  size_t run_all() {
    size_t ran = 0;
    for (; !waiting_.empty(); ++ran) {
      const auto [fn, context] = waiting_.front();
      waiting_.pop_front();
      fn(context);
    }
    return ran;
  }

 private:
  std::deque<std::pair<void (*)(void*), void*>> waiting_;
};

class ScriptedMetrics {
 public:
  uint64_t declare(int32_t kind, std::string_view name, std::string_view labels) {
    const auto [found, is_new] = handles_.try_emplace({std::string(name), std::string(labels)}, values_.size() + 1);
    if (is_new) values_[found->second].kind = kind;
    return found->second;
  }
  void record(uint64_t metric, double value) {
    const auto found = values_.find(metric);
    if (found == values_.end()) return;
    auto& one = found->second;
    one.value = one.kind == GANTRY_METRIC_COUNTER ? one.value + value : value;
    ++one.records;
  }
  // A counter's sum, a gauge's or histogram's last value; 0 when nobody declared or recorded it.
  double value(std::string_view name, std::string_view labels = {}) const {
    const auto* one = find(name, labels);
    return one == nullptr ? 0 : one->value;
  }
  size_t records(std::string_view name, std::string_view labels = {}) const {
    const auto* one = find(name, labels);
    return one == nullptr ? 0 : one->records;
  }

 private:
  struct Value {
    int32_t kind = 0;
    double value = 0;
    size_t records = 0;
  };
  const Value* find(std::string_view name, std::string_view labels) const {
    const auto handle = handles_.find({std::string(name), std::string(labels)});
    return handle == handles_.end() ? nullptr : &values_.at(handle->second);
  }
  std::map<std::pair<std::string, std::string>, uint64_t> handles_;
  std::map<uint64_t, Value> values_;
};

}  // namespace gantry::testkit
