#include "gantry/batches.hpp"

#include <algorithm>

namespace gantry::sdk {

Status slow_start(size_t count, size_t first_batch,
                  const std::function<std::vector<Status>(size_t begin, size_t count)>& run) {
  size_t batch = std::max<size_t>(first_batch, 1);
  for (size_t begin = 0; begin < count;) {
    batch = std::min(batch, count - begin);
    for (Status& status : run(begin, batch)) {
      if (!status.ok()) return std::move(status);
    }
    begin += batch;
    batch *= 2;
  }
  return {};
}

}  // namespace gantry::sdk
