// Work in batches that double while everything succeeds: 1, 2, 4, ... When all fails (a quota, say), few requests were
// made for nothing. Any thread.
#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::sdk {

// `run(begin, count)` does the pieces of work from `begin` on and returns a Status for each. The first failure ends the
// series after its batch. A first batch of 0 counts as 1.
Status slow_start(size_t count, size_t first_batch,
                  const std::function<std::vector<Status>(size_t begin, size_t count)>& run);

}  // namespace gantry::sdk
