// Connections that make room for others (whose peers have proved nothing, or came by the unix socket and ask nothing),
// in the order in which they do: who has been waited for longest comes first. Each call costs the same, however many
// there are. [any-thread]
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>

namespace gantry::http {

class Connection;

class Strangers {
 public:
  // A connection's place; nobody but Strangers touches it.
  struct Place {
    bool counted = false, waits = false;
    std::list<std::weak_ptr<Connection>>::iterator at;
  };

  // One more is let in; he has no place yet.
  void admit();
  // His place, counted by admit(): he is served, and makes no room.
  void enter(Place& place);
  // His peer is waited for from now on.
  void wait(Place& place, const std::weak_ptr<Connection>& who);
  // He is served.
  void serve(Place& place);
  // He is none any longer.
  void leave(Place& place);

  // Takes out who has been waited for longest; null: nobody makes room.
  std::shared_ptr<Connection> take_first();
  size_t count() const;
  // Of those let in, how many have no place yet.
  size_t entering() const;
  // Of those taken out, how many have not gone yet.
  size_t going() const;
  void gone();

 private:
  void unlink(Place& place);

  mutable std::mutex mutex_;
  std::list<std::weak_ptr<Connection>> waiting_;
  size_t count_ = 0, entering_ = 0, going_ = 0;
};

}  // namespace gantry::http
