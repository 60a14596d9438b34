// How long a room's work that failed waits before it is tried again.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gantry::network {

// In ms, doubled with each of `failures` (from 1 on).
inline int64_t retry_ms(int failures, int64_t first = 200, int64_t most = 30'000) {
  return std::min(first << std::clamp(failures - 1, 0, 10), most);
}

}  // namespace gantry::network
