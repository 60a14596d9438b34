// [plugin.nodelifecycle]: how long nodes may be silent, and how fast their pods
// are given up. Read once.
#pragma once

#include <cstdint>

#include "gantry/host.hpp"

namespace gantry::nodelifecycle {

struct Settings {
  int64_t workers = 8;
  int64_t monitor_grace_ms = 50'000;  // silence of a node that has reported
  int64_t startup_grace_ms = 60'000;  // of one that never has
  int64_t eviction_period_ms = 10'000;
  int64_t secondary_eviction_period_ms = 100'000;
  int64_t large_cluster_threshold = 50;
  int64_t unhealthy_zone_percent = 55;
};

Expected<Settings> read_settings(const sdk::Host& host);

}  // namespace gantry::nodelifecycle
