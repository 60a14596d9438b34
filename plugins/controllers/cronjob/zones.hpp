// Time zones by name, read once an hour and not for each CronJob. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "gantry/status.hpp"
#include "gantry/time_zone.hpp"

namespace gantry::cronjob {

class Zones {
 public:
  // "": the machine's own. An unknown one is asked for anew each time: its file may come.
  Expected<sdk::TimeZone> get(const std::string& name, int64_t monotonic_ns);

 private:
  struct Read {
    sdk::TimeZone zone;
    int64_t at_ns;
  };
  std::mutex mutex_;
  std::map<std::string, Read> read_;
};

}  // namespace gantry::cronjob
