// Simulated time: a clock that stands still until it is moved, from one timer to the next, each once all work that the
// one before it made is done.
//
// Made by the daemon (or a test) in place of the system's clock and the timers' thread; moved by one caller at a time.
// [any-thread]
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>

#include "core/plugin/clock.hpp"
#include "core/plugin/timers.hpp"
#include "core/simulation/turns.hpp"
#include "gantry/status.hpp"

namespace gantry::plugin {

class SimulatedClock final : public Clock {
 public:
  explicit SimulatedClock(int64_t start_unix_ns) : offset_(start_unix_ns - kBegin), monotonic_(kBegin) {}
  int64_t now_unix_ns() const override { return offset_ + monotonic_; }
  int64_t monotonic_ns() const override { return monotonic_; }
  // Never back.
  void set_monotonic(int64_t ns) {
    if (ns > monotonic_) monotonic_ = ns;
  }
  int64_t unix_of(int64_t monotonic_ns) const { return offset_ + monotonic_ns; }

 private:
  static constexpr int64_t kBegin = 1'000'000'000;  // 0 is "never" to many
  const int64_t offset_;
  std::atomic<int64_t> monotonic_;
};

class SimulatedTime {
 public:
  struct Options {
    int64_t start_unix_ns = 0;
    uint64_t seed = 1;
    // How long one turn may take in real time, until it is called stuck.
    std::chrono::milliseconds patience = std::chrono::seconds(20);
    std::function<void(const std::string&)> log;
  };
  explicit SimulatedTime(Options options);

  SimulatedClock& clock() { return clock_; }
  Timers& timers() { return timers_; }
  simulation::Turns& turns() { return turns_; }

  // Chance that is the same in every run with this seed, if it is asked for inside turns.
  uint64_t random();

  // A number that tells what has become of the world: the store's revision, say. Part of the digest.
  void set_mark(std::function<int64_t()> mark) { mark_ = std::move(mark); }

  struct State {
    int64_t now_unix_ns = 0;
    int64_t next_unix_ns = 0;  // of the next timer; 0: none
    uint64_t fired = 0;        // timers so far
    uint64_t digest = 0;       // of when each was due and of the marks: equal runs have equal ones
    uint64_t broken = 0;       // turns that did not wait for an older one: then runs need not be equal
    size_t waiting = 0;        // timers
  };
  State state() const;

  // Runs every timer up to that time, in order, and sets the clock to it. Returns earlier after `budget` of real time
  // (0: never): the state says how far it came. An error says what keeps time from going on.
  Expected<State> advance_to(int64_t unix_ns, std::chrono::milliseconds budget = {});
  // Waits until nothing is left to do at the present time.
  Status settle();
  // The daemon ends: whoever waits for a turn goes on, and time stays where it is.
  void end();

 private:
  Status fire_one(int64_t due_ns);

  simulation::Turns turns_;
  std::atomic<uint64_t> random_;
  SimulatedClock clock_;
  Timers timers_;
  std::function<int64_t()> mark_;
  std::mutex moving_;  // held by who moves the clock
  std::atomic<uint64_t> fired_{0}, digest_{14'695'981'039'346'656'037ULL};
  std::atomic<bool> ended_{false};
  int64_t same_instant_ = 0;  // timers that fired at the present time, by moving_
};

}  // namespace gantry::plugin
