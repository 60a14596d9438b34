// What calls into a runtime or network plugin cost: counts, failures and durations by operation, under the kubelet's
// metric names where it has one. Told by PluginVerbs. [any-thread]
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
  // What a verb is called in the metrics.
  using Naming = std::string (*)(std::string_view verb);
  // `prefix` of the metrics' names: "kubelet_runtime". Without `naming` verbs have their own names.
  Operations(MetricsRegistry& registry, const Clock& clock, std::string prefix, Naming naming = nullptr)
      : registry_(registry), clock_(clock), prefix_(std::move(prefix)), naming_(naming) {}

  int64_t begin() const { return clock_.monotonic_ns(); }
  void end(std::string_view verb, int64_t begun, bool ok);

 private:
  struct Handles {
    uint64_t total = 0, errors = 0, duration = 0;
  };
  const Handles& handles(std::string_view verb);

  MetricsRegistry& registry_;
  const Clock& clock_;
  const std::string prefix_;
  const Naming naming_;
  std::mutex mutex_;
  std::map<std::string, Handles, std::less<>> by_verb_;
};

}  // namespace gantry::plugin
