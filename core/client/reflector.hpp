// A reflector: list, then watch, for ever; the base of every informer, and of the scheduler's and node's own views.
//
// Keeps its place across broken watches; lists again after 410, with jittered backoff (0.8 to 30 s, anew once a watch
// has lasted 5 s).
// Delivers a consistent sequence: replace() with a whole list, then events.
//
// What the client tells lies in a bounded inbox until the consumer takes it, on a thread of the consumer's (`run`).
// One that is so slow that the inbox is full loses what lies there and is given a new list; nobody else notices.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/client/client.hpp"
#include "core/client/inbox.hpp"

namespace gantry::client {

struct ReflectorHandler {
  // The complete state; called first, and again after a relist.
  std::function<void(Client::List)> replace;
  std::function<void(WatchEvent)> event;  // kBookmark events are not delivered
  // Instead of `event`, when set: all that lay in the inbox, in order.
  std::function<void(std::vector<WatchEvent>)> events;
  // A list failed; it is tried again. May be null.
  std::function<void(const Status&)> failed;
};

class Reflector {
 public:
  virtual ~Reflector() = default;  // stops; no callback runs afterwards
};

struct ReflectorOptions {
  // Runs fn later once, after delay_ms (a timer of the caller's).
  std::function<void(int64_t delay_ms, std::function<void()> fn)> schedule;
  // Runs fn soon, on the thread that the callbacks are to come on. Null: at once, on the client's threads, which tell
  // others, too: for handlers that neither parse nor wait. May drop fn only at the consumer's end.
  std::function<void(std::function<void()> fn)> run;
  InboxBounds inbox;
};

// Callbacks come one at a time, in order; where they come on the client's threads they must not block.
std::unique_ptr<Reflector> start_reflector(Client& client, WatchRequest what, ReflectorHandler handler,
                                           ReflectorOptions options);
std::unique_ptr<Reflector> start_reflector(Client& client, WatchRequest what, ReflectorHandler handler,
                                           std::function<void(int64_t, std::function<void()>)> schedule);

}  // namespace gantry::client
