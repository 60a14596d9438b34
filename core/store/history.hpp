// History: recent events in the order of their revisions. Older revisions are computed from it, and watches begin in
// it.
//
// Owned by Memory, under its lock. Bounded; what leaves it is compacted: nobody can ask for a state before that.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "core/store/store.hpp"

namespace gantry::store {

struct HistoryLimits {
  int64_t entries = 0;
  int64_t bytes = 0;  // of values, and what was derived from them, that only the log still needs
  // Older events go too when the log holds more than an eighth of the entries or a 32nd of the bytes: enough for the
  // watches of a quiet cluster to resume, and little enough to be kept for good.
  std::chrono::steady_clock::duration age{};
};

class History {
 public:
  using Clock = std::chrono::steady_clock;
  struct Logged {
    EventPtr event;
    int64_t bytes;  // when it was appended: readers may derive more later
  };
  using Place = std::deque<Logged>::const_iterator;

  explicit History(const HistoryLimits& limits) : limits_(limits) {}

  // Of an empty one: states before this are not known.
  void start_at(Revision compacted) { compacted_ = compacted; }
  Revision compacted() const { return compacted_; }
  bool empty() const { return log_.empty(); }
  Revision oldest() const { return log_.front().event->entry->mod_revision; }
  // The events above `revision`.
  Place behind(Revision revision) const;
  Place end() const { return log_.end(); }

  void append(EventPtr event);
  // What is there is as old as `now`, or older. Not of an empty one.
  void mark(Clock::time_point now);
  // Compacted up to it.
  EventPtr drop_oldest();
  bool too_long() const;
  bool above_floor() const;
  // When the oldest is too old; none: it may stay.
  std::optional<Clock::time_point> due() const;
  // Up to which revision events are too old.
  Revision too_old(Clock::time_point now) const;

 private:
  struct Mark {  // events up to `revision` are at least as old as `time`
    Clock::time_point time;
    Revision revision;
  };

  const HistoryLimits limits_;
  std::deque<Logged> log_;
  std::deque<Mark> marks_;
  Revision compacted_ = 1;
  int64_t bytes_ = 0;
};

}  // namespace gantry::store
