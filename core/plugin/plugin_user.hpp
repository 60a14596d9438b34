// What a room that calls into plugins is asked when one instance takes the place of another.
//
// The steps come in this order, for one plugin at a time, on the thread that changes plugins ([main] of the ABI).
// Whatever fails leaves the old instance at work: who paused is resumed, who adopted is given the old one again.
#pragma once

#include <cstdint>

#include "core/plugin/plugin.hpp"

namespace gantry::plugin {

class PluginUser {
 public:
  virtual ~PluginUser() = default;
  // Everything still runs: what takes time (asking the new instance what it is, filling caches for it) belongs here.
  virtual Status prepare(Plugin&, Instance& next) {
    (void)next;
    return {};
  }
  // Hands out no more work, and waits for what is under way; not with `wait_ms` 0: then two instances may work side by
  // side, if that is all the same to this user.
  virtual Status pause(Plugin&, int64_t wait_ms) {
    (void)wait_ms;
    return {};
  }
  // No call is in flight, none begins: from now on `next` is the one; null when the plugin is switched off. Calls into
  // `next` are allowed here, directly.
  virtual Status adopt(Plugin&, Instance* next) {
    (void)next;
    return {};
  }
  // It is over, either way; what was held back goes on.
  virtual void resume(Plugin&) {}
};

}  // namespace gantry::plugin
