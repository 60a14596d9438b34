// Batches that double while everything succeeds: 1, 2, 4, ... When all fail (a quota, say), few requests were made for
// nothing. Pure, any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::replicaset {

// `run(n)` does n pieces of work and returns one Status for each. The first failure ends the series after its batch.
template <typename Run>
Status slow_start(size_t count, size_t first_batch, Run&& run) {
  for (size_t batch = std::min(count, first_batch); batch > 0; batch = std::min(2 * batch, count)) {
    for (Status& status : run(batch)) {
      if (!status.ok()) return std::move(status);
    }
    count -= batch;
  }
  return {};
}

}  // namespace gantry::replicaset
