// What a watch has still to tell its peer: bounded in events and in bytes, and charged to who asked for the watch.
//
// The versions in it are also the store's history for as long as that reaches back to first(); the watch ends when it
// does not, so a slow peer keeps nothing alive that would be gone without it. Guarded by its session's mutex.
#pragma once

#include <limits>
#include <utility>
#include <vector>

#include "core/limits/account.hpp"
#include "core/store/store.hpp"

namespace gantry::apiserver {

class Backlog {
 public:
  static constexpr store::Revision kNone = std::numeric_limits<store::Revision>::max();

  Backlog(size_t most_events, size_t most_bytes, std::shared_ptr<limits::Account> account)
      : most_events_(most_events), most_bytes_(most_bytes), charge_(std::move(account)) {}

  // False: more than the bounds would wait; nothing was taken then. A replay counts for nothing: it is what the store
  // keeps since the watch's beginning, however long.
  bool add(const store::EventPtr* events, size_t count, bool replay);
  bool empty() const { return events_.empty(); }
  // The oldest event's revision; kNone without one.
  store::Revision first() const { return events_.empty() ? kNone : events_.front()->entry->mod_revision; }
  // All that waits, with the charge for it.
  std::pair<std::vector<store::EventPtr>, limits::Charge> take();

 private:
  const size_t most_events_, most_bytes_;
  std::vector<store::EventPtr> events_;
  size_t counted_ = 0, bytes_ = 0;  // of most_events_, most_bytes_
  limits::Charge charge_;           // for the list of events: what they say is the history's
};

}  // namespace gantry::apiserver
