#include "settings.hpp"

namespace gantry::nodelifecycle {

Expected<Settings> read_settings(const sdk::Host& host) {
  Settings settings;
  Status first;
  const auto take = [&](const Expected<int64_t>& found, int64_t least, int64_t& into) {
    if (!found) {
      if (first.ok()) first = found.error();
    } else if (*found < least) {
      if (first.ok()) first = Status::invalid("a value is below " + std::to_string(least));
    } else {
      into = *found;
    }
  };
  take(host.config_int("workers", settings.workers), 1, settings.workers);
  take(host.config_int("monitor_grace_ms", settings.monitor_grace_ms), 1, settings.monitor_grace_ms);
  take(host.config_int("startup_grace_ms", settings.startup_grace_ms), 1, settings.startup_grace_ms);
  take(host.config_int("eviction_period_ms", settings.eviction_period_ms), 0, settings.eviction_period_ms);
  take(host.config_int("secondary_eviction_period_ms", settings.secondary_eviction_period_ms), 0,
       settings.secondary_eviction_period_ms);
  take(host.config_int("large_cluster_threshold", settings.large_cluster_threshold), 0,
       settings.large_cluster_threshold);
  take(host.config_int("unhealthy_zone_percent", settings.unhealthy_zone_percent), 0, settings.unhealthy_zone_percent);
  if (!first.ok()) return first;
  return settings;
}

}  // namespace gantry::nodelifecycle
