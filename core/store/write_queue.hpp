// WriteQueue: the writes that wait for the writer thread, bounded in number and in bytes.
//
// Owned by the store. Filled and woken from any thread, worked off by the writer.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

#include "core/simulation/turns.hpp"
#include "core/store/plan.hpp"
#include "core/store/sqlite_store.hpp"

namespace gantry::store {

class WriteQueue {
 public:
  using Clock = std::chrono::steady_clock;

  // `options` outlives it.
  explicit WriteQueue(const SqliteOptions& options) : options_(options) {}

  // As Store::write. [any-thread]
  void push(Write write, WriteCallback done);
  // The writer has something else to do: take() returns, maybe with nothing. [any-thread]
  void wake();
  // Refuses what comes from now on. [any-thread]
  void stop();

  // [writer]
  // Waits until there is something, or for the deadline: the next batch, and the turn for it. False: stopped, and
  // nothing is left.
  bool take(std::vector<Pending>& batch, std::optional<Clock::time_point> deadline);
  // Those have been answered.
  void done(const std::vector<Pending>& batch);
  // Ends the turn.
  void leave() { bell_.leave(); }

 private:
  Status admit_locked(size_t bytes) const;
  void fill_locked(std::vector<Pending>& batch);

  const SqliteOptions& options_;
  simulation::Bell bell_{"the store", options_.turns};
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Pending> queue_;
  size_t queued_bytes_ = 0;  // with those that the writer is at
  bool waiting_ = false;     // the writer sleeps
  bool called_ = false;      // by wake()
  bool stopping_ = false;
};

}  // namespace gantry::store
