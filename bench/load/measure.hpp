// What a run is measured by: latencies, and the server's CPU time and memory from /proc. One thread but for Latencies.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace gantry::bench {

int64_t now_us();

class Latencies {
 public:
  void add(int64_t us);  // [any-thread]
  // The share `p` (0 to 1) of all is at most this; 0 when empty.
  int64_t percentile(double p);
  size_t count();

 private:
  std::mutex mutex_;
  std::vector<int64_t> values_;
};

// A process on this host; pid 0: unknown, everything is then 0.
class Process {
 public:
  explicit Process(pid_t pid) : pid_(pid) {}
  bool known() const { return pid_ > 0; }
  int64_t cpu_us() const;  // user and system, of all threads
  int64_t resident_kb() const;
  // The process that listens on this TCP port here, or 0.
  static pid_t listening_on(int port);

 private:
  pid_t pid_;
};

struct Figure {
  std::string name;
  double value;
  std::string unit;
};

}  // namespace gantry::bench
