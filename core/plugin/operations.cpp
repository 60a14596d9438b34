#include "core/plugin/operations.hpp"

#include "gantry/abi/metrics.h"

namespace gantry::plugin {

const Operations::Handles& Operations::handles(std::string_view verb) {
  const std::lock_guard lock(mutex_);
  if (const auto it = by_verb_.find(verb); it != by_verb_.end()) return it->second;
  const std::string labels = "operation_type=\"" + (naming_ == nullptr ? std::string(verb) : naming_(verb)) + "\"";
  const auto declare = [&](int32_t kind, const char* name, const char* help) {
    return registry_.declare({}, kind, prefix_ + name, help, labels);
  };
  Handles made;
  made.total = declare(GANTRY_METRIC_COUNTER, "_operations_total", "Calls into the plugin.");
  made.errors = declare(GANTRY_METRIC_COUNTER, "_operations_errors_total", "Calls into the plugin that failed.");
  made.duration =
      declare(GANTRY_METRIC_HISTOGRAM, "_operations_duration_seconds", "How long calls into the plugin took.");
  return by_verb_.emplace(verb, made).first->second;
}

void Operations::end(std::string_view verb, int64_t begun, bool ok) {
  const auto& metric = handles(verb);
  registry_.record(metric.total, 1);
  if (!ok) registry_.record(metric.errors, 1);
  registry_.record(metric.duration, static_cast<double>(clock_.monotonic_ns() - begun) / 1e9);
}

}  // namespace gantry::plugin
