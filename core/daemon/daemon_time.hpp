// The time that the daemon runs on: the machine's, or a simulated one that only gantryctl moves.
//
// Owned by Daemon, first made and last to go. A simulated time that was moved is kept in data_dir, so that a restart
// goes on from there: objects would be younger than their own clock otherwise.
#pragma once

#include <memory>

#include "core/daemon/config.hpp"
#include "core/daemon/logging.hpp"
#include "core/plugin/simulated_time.hpp"

namespace gantry::daemon {

class DaemonTime {
 public:
  DaemonTime(const Config& config, Log& log);

  const plugin::Clock& clock() const;
  plugin::Timers& timers();
  // Null on real time.
  plugin::SimulatedTime* simulated() const { return simulated_.get(); }
  simulation::Turns* turns() const { return simulated_ ? &simulated_->turns() : nullptr; }
  // Writes a moved time down. [any-thread]
  Status keep() const;

 private:
  const std::filesystem::path file_;
  plugin::SystemClock system_;
  std::unique_ptr<plugin::SimulatedTime> simulated_;
  std::unique_ptr<plugin::Timers> timers_;
};

}  // namespace gantry::daemon
