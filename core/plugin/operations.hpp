// What calls into a runtime or network plugin cost: counts, failures and durations by operation, under the kubelet's
// metric names where it has one. Owned by the client that makes the calls. [any-thread]
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "core/plugin/clock.hpp"
#include "core/plugin/metrics_registry.hpp"

namespace gantry::plugin {

class Operations {
 public:
  // `prefix` of the metrics' names: "kubelet_runtime".
  Operations(MetricsRegistry& registry, const Clock& clock, std::string prefix)
      : registry_(registry), clock_(clock), prefix_(std::move(prefix)) {}

  int64_t begin() const { return clock_.monotonic_ns(); }
  void end(std::string_view operation, int64_t begun, bool ok);

 private:
  struct Handles {
    uint64_t total = 0, errors = 0, duration = 0;
  };
  const Handles& handles(std::string_view operation);

  MetricsRegistry& registry_;
  const Clock& clock_;
  const std::string prefix_;
  std::mutex mutex_;
  std::map<std::string, Handles, std::less<>> by_operation_;
};

}  // namespace gantry::plugin
