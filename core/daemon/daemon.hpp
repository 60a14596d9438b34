// The daemon: builds the rooms in their order, joins them, and takes them down in reverse.
//
// Owned by main, which calls start() and stop() on the main thread. What one room needs of another is passed in here
// and nowhere else.
#pragma once

#include <memory>
#include <string>

#include "core/daemon/config.hpp"
#include "core/daemon/logging.hpp"
#include "gantry/status.hpp"

namespace gantry::daemon {

extern const char* const kVersion;

class Daemon {
 public:
  // Everything that runs when it returns; an error says what could not be started and leaves nothing running.
  static Expected<std::unique_ptr<Daemon>> start(Config config, Log& log);
  ~Daemon();  // stop()
  // Ends the control plane; containers go on.
  void stop();
  // Reads the configuration again and changes the plugins that it says differently. Blocks.
  void reload_configuration();

 private:
  struct Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace gantry::daemon
