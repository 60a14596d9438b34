// Work that comes back: gantry.timer/1 with an owner. Made by Host::after and Host::every.
//
// fn runs on a thread of the host, never twice at a time, and must not block: it notes something, queues a key, or
// hands longer work to Host::run_task. What it throws ends that run alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "gantry/abi/timer.h"

namespace gantry::sdk {

// Ends with its owner: after the destructor, or stop(), fn is not running and will not run again, unless that was
// called from fn itself. A member of the plugin's class is the usual place, behind what fn uses. Movable. [any-thread]
class Timer {
 public:
  Timer() = default;
  // interval_ms 0: once. `table` null, or the host's refusal: false, and fn never runs.
  Timer(const gantry_host* host, const gantry_timer* table, int64_t delay_ms, int64_t interval_ms,
        std::function<void()> fn) {
    if (table == nullptr || !fn) return;
    auto state = std::make_shared<State>(host, table, interval_ms, std::move(fn));
    if (state->start(delay_ms)) state_ = std::move(state);
  }
  Timer(Timer&&) = default;
  Timer& operator=(Timer&& other) noexcept {
    if (this != &other) {
      stop();
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~Timer() { stop(); }

  explicit operator bool() const { return state_ != nullptr; }
  void stop() {
    if (const auto state = std::exchange(state_, nullptr)) state->end();
  }

 private:
  struct State : std::enable_shared_from_this<State> {
    State(const gantry_host* of, const gantry_timer* with, int64_t every_ms, std::function<void()> work)
        : host(of), table(with), interval_ms(every_ms), fn(std::move(work)) {}

    bool start(int64_t delay_ms) {
      const std::lock_guard lock(mutex);
      return arm(delay_ms);
    }
    void end() {
      uint64_t last = 0;
      {
        const std::lock_guard lock(mutex);
        ended = true;
        last = id;
      }
      table->cancel(host, last);
    }
    bool arm(int64_t delay_ms) {
      id = table->start(host, delay_ms, &State::fire, this);
      return id != 0;
    }
    static void fire(void* context) {
      // Alive: end() waits for this call, and from within it the owner lets go of a state that is held here.
      const auto self = static_cast<State*>(context)->shared_from_this();
      {
        const std::lock_guard lock(self->mutex);
        if (self->ended) return;
      }
      try {
        self->fn();
      } catch (...) {  // no exception reaches the host
      }
      const std::lock_guard lock(self->mutex);
      if (!self->ended && self->interval_ms > 0) self->arm(self->interval_ms);
    }

    const gantry_host* const host;
    const gantry_timer* const table;
    const int64_t interval_ms;
    const std::function<void()> fn;
    std::mutex mutex;
    uint64_t id = 0;
    bool ended = false;
  };

  std::shared_ptr<State> state_;
};

}  // namespace gantry::sdk
