// [plugin.sim]: how many nodes there are, what they look like, and how long things take on them. Read once, then
// constant.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "durations.hpp"
#include "gantry/host.hpp"
#include "k8s.io/api/core/v1/scheduling.pb.h"

namespace gantry::sim {

// What one pod does, unless its annotations say otherwise. Nanoseconds.
struct Timing {
  int64_t pull = 0, start = 0, ready = 0, stop = 0;
  int64_t fail_after = kSecond;  // how long a container runs that is to fail
  double jitter = 0;             // share by which pull, start, ready and stop vary, up and down
  double fail_rate = 0;          // share of the starts of containers that fail
  int64_t backoff_first = 10 * kSecond, backoff_most = 300 * kSecond;
};

struct Settings {
  int64_t nodes = 0;
  std::string prefix = "sim-";
  std::string cpu = "32", memory = "128Gi";
  int64_t pods = 110;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::string> zones;
  std::vector<corev1::Taint> taints;
  std::string pod_cidr = "100.64.0.0/10";  // of all nodes: shared address space, routed nowhere
  int64_t heartbeat_ms = 10'000;           // 0: no Leases
  int64_t lease_seconds = 40;
  int64_t workers = 4;
  int64_t seed = 1;
  bool events = false;
  Timing timing;
};

Expected<Settings> read_settings(const sdk::Host& host);

}  // namespace gantry::sim
