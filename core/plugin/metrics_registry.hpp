// The daemon's metrics: what plugins and rooms declare, and the Prometheus text of all of it. [any-thread]
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::plugin {

class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  // See abi/metrics.h; `owner` becomes the label plugin="...", empty for the daemon's own.
  uint64_t declare(std::string_view owner, int32_t kind, std::string_view name, std::string_view help,
                   std::string_view labels);
  // The daemon's own about a plugin, which does not count as the plugin's. Who declares sees to it that they are few.
  uint64_t declare_about(std::string_view plugin, int32_t kind, std::string_view name, std::string_view help,
                         std::string_view labels);
  void record(uint64_t metric, double value);
  // Prometheus' text exposition format.
  std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::plugin
