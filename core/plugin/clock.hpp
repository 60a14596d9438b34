// The clock everything in the daemon asks, so that simulated time can be put in its place. [any-thread]
#pragma once

#include <chrono>
#include <cstdint>

namespace gantry::plugin {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t now_unix_ns() const = 0;   // wall clock; may jump
  virtual int64_t monotonic_ns() const = 0;  // never goes back
};

class SystemClock final : public Clock {
 public:
  int64_t now_unix_ns() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
  int64_t monotonic_ns() const override {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};

}  // namespace gantry::plugin
