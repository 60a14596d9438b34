// How much one plugin may log: a burst, and then so many bytes a second; what is over is dropped and counted. Time is
// the machine's, also where a cluster runs on simulated time: what is spared is the disk. [any-thread]
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace gantry::plugin {

class LogBudget {
 public:
  LogBudget(size_t burst, size_t per_second) : burst_(burst), per_second_(per_second), left_(burst) {}

  // Whether a line of so many bytes may be written at this moment of a monotonic clock. With the first one that may
  // after others might not, *dropped is how many those were.
  bool take(size_t bytes, int64_t now_ns, uint64_t* dropped);

 private:
  const size_t burst_, per_second_;
  std::mutex mutex_;
  size_t left_;
  int64_t filled_ns_ = 0;
  uint64_t dropped_ = 0;
};

}  // namespace gantry::plugin
