// One-shot timers on one thread, which sleeps until the next is due; or, under simulated time, on the thread that moves
// it. [any-thread]
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>

#include "core/plugin/clock.hpp"

namespace gantry::plugin {

class Timers {
 public:
  enum class Driven : uint8_t { kByThread, kByHand };
  explicit Timers(const Clock& clock, Driven driven = Driven::kByThread);
  ~Timers();
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  // Runs fire once on the timer thread, where it must not block. Returns an id > 0.
  uint64_t start(int64_t delay_ms, std::function<void()> fire);
  // Afterwards fire does not run any more, unless this is called from fire itself. Unknown ids are ignored.
  void cancel(uint64_t id);
  // Like cancel, but does not wait for one that runs: for who holds a lock that fire takes.
  void drop(uint64_t id);
  void stop();
  const Clock& clock() const { return clock_; }
  size_t waiting() const;

  // Driven by hand, by one thread at a time: when the next is due, and running it if it is. False: nothing was due.
  std::optional<int64_t> next_due() const;
  bool fire_next();

 private:
  using Due = std::pair<int64_t, uint64_t>;  // monotonic ns, id
  void run();
  bool drop_waiting(uint64_t id);
  void fire_first_locked(std::unique_lock<std::mutex>& lock);

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::map<Due, std::function<void()>> due_;
  std::unordered_map<uint64_t, int64_t> when_;
  uint64_t next_id_ = 0;
  uint64_t running_ = 0;
  std::thread::id runner_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace gantry::plugin
