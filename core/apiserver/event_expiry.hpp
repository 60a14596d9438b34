// Removes Events some time after their last change, as upstream's storage lease does (an hour).
//
// Follows the store's watch of Events and keeps what will expire in the order it will: nothing is searched. Times of
// a former run of the daemon are not known, so what is there at the start lives for the whole time again. Owned by
// the server; timers on its event loop.
#pragma once

#include <deque>
#include <memory>
#include <mutex>

#include "core/apiserver/environment.hpp"

namespace gantry::apiserver {

class EventExpiry : public std::enable_shared_from_this<EventExpiry> {
 public:
  explicit EventExpiry(EnvironmentPtr env) : env_(std::move(env)) {}
  void start();
  void stop();

 private:
  struct Due {
    int64_t at_ns;
    std::string key;
    store::Revision revision;
  };
  void note(const store::Entry& entry);
  void arm();        // on the loop
  void expire();     // on the loop
  void remove(const Due& due);

  const EnvironmentPtr env_;
  std::mutex mutex_;
  std::deque<Due> due_;
  bool armed_ = false;
  std::unique_ptr<store::Watch> watch_;
};

}  // namespace gantry::apiserver
