#include "missing_nodes.hpp"

#include "gantry/times.hpp"

namespace gantry::podgc {
namespace {

// Names that pods were given; who is forgotten waits once more.
constexpr size_t kMost = 10'000;

}  // namespace

int64_t MissingNodes::wait_ms(const std::string& node, int64_t monotonic_ns) {
  const std::lock_guard lock(mutex_);
  if (since_.size() >= kMost && !since_.contains(node)) since_.clear();
  const auto since = since_.try_emplace(node, monotonic_ns).first->second;
  return until_ms(later(since, kQuarantineMs * kNanosPerMilli), monotonic_ns);
}

void MissingNodes::found(const std::string& node) {
  const std::lock_guard lock(mutex_);
  since_.erase(node);
}

}  // namespace gantry::podgc
