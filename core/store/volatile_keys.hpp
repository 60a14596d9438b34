// VolatileKeys: the entries that are kept in memory alone: under which prefixes, how many, and when they are over.
//
// Owned by the store. Prefixes are set from any thread; entries come and go on the writer thread. An entry's time
// begins with its last write, so entries go in the order of their revisions, and nothing is looked at but what goes.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/store/store.hpp"

namespace gantry::store {

class VolatileKeys {
 public:
  using Clock = std::chrono::steady_clock;

  // [any-thread]
  void set(std::string_view prefix, const Volatility& how);
  // Whether some of the keys that begin with `prefix` are, or would be, volatile.
  bool touches(std::string_view prefix) const;
  int64_t size() const;

  // [writer]
  bool covers(std::string_view key) const;
  // Whether a write of this key is kept in memory alone. `current`: its newest version, or null.
  bool takes(std::string_view key, const EntryPtr& current) const;
  // OK, or why there is no room for a write of a key that is taken.
  Status admit(const Write& write, const EntryPtr& current, Clock::time_point now) const;
  // One that was admitted and is an event now. `revision_at`: the place of the revision in its value, as in Write.
  void apply(const Event& event, size_t revision_at, Clock::time_point now);
  // When the next entry is over.
  std::optional<Clock::time_point> due() const;
  // The deletions of those that are over, so many at most. They stay until those are applied.
  std::vector<Write> over(Clock::time_point now, size_t most) const;

 private:
  struct Kept {
    EntryPtr entry;
    size_t revision_at;
    Clock::time_point written;
  };
  struct Shelf {
    Volatility how;
    std::map<Revision, Kept> kept;
    int64_t bytes = 0;
  };
  const Shelf* find_locked(std::string_view key) const;

  std::atomic<bool> any_ = false;
  mutable std::mutex mutex_;  // guards what follows
  std::map<std::string, Shelf, std::less<>> shelves_;
};

}  // namespace gantry::store
