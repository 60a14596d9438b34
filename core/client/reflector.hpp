// A reflector: list, then watch, for ever; the base of every informer, and of the scheduler's and node's own views.
//
// Keeps its place across broken watches; lists again after 410, with jittered backoff (0.8 to 30 s, anew once a watch
// has lasted 5 s).
// Delivers a consistent sequence: replace() with a whole list, then events.
#pragma once

#include <functional>
#include <memory>

#include "core/client/client.hpp"

namespace gantry::client {

struct ReflectorHandler {
  // The complete state; called first, and again after a relist.
  std::function<void(Client::List)> replace;
  std::function<void(WatchEvent)> event;  // kBookmark events are not delivered
  // A list failed; it is tried again. May be null.
  std::function<void(const Status&)> failed;
};

class Reflector {
 public:
  virtual ~Reflector() = default;  // stops; no callback runs afterwards
};

// Callbacks come one at a time, in order, on the client's threads; must not block.
// `schedule(delay_ms, fn)` runs fn later once (a timer of the caller's).
std::unique_ptr<Reflector> start_reflector(Client& client, WatchRequest what, ReflectorHandler handler,
                                           std::function<void(int64_t, std::function<void()>)> schedule);

}  // namespace gantry::client
