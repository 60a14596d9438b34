// The room of what pods and the machine use: counters are read, two looks make a rate, rates become PodMetrics and
// NodeMetrics.
//
// Here the rates. Counters only grow; one that fell began anew. Remembers one look. Used by UsageReporter alone, one
// thread at a time; nothing is read here.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gantry/runtime.pb.h"

namespace gantry::node {

namespace cri = gantry::runtime::v1;

struct Usage {
  uint64_t nano_cores = 0;    // the mean since the look before
  uint64_t memory_bytes = 0;  // the working set, now
};

struct PodUsage {
  std::string uid, ns, name;
  int64_t at_ns = 0, window_ns = 0;  // when its last container was looked at; the longest time between two looks
  std::map<std::string, Usage> containers;
};

struct MachineCounters {
  int64_t at_ns = 0;
  uint64_t cpu_ns = 0;  // that all processors were busy
  uint64_t memory_bytes = 0;
};
struct MachineUsage {
  int64_t at_ns = 0, window_ns = 0;
  Usage usage;
};

class UsageRates {
 public:
  // Of each pod all of whose running containers were there at the look before, as an autoscaler would take the sum of a
  // part for the whole.
  std::vector<PodUsage> pods(const cri::ListContainerStatsResponse& now);
  // Nothing at the first look.
  std::optional<MachineUsage> machine(const MachineCounters& now);

 private:
  struct Look {
    int64_t at_ns = 0;
    uint64_t cpu_ns = 0;
  };
  static std::optional<uint64_t> rate(const Look& before, const Look& now);

  std::map<std::string, Look> containers_;  // by the runtime's id
  std::optional<Look> machine_;
};

}  // namespace gantry::node
