// Memory: what readers see. The newest version of every object ordered by key, and recent events, from which older
// revisions are computed: of what is on disk, and, in a shorter history, of what is not.
//
// Owned by the store. Readers come from any thread and share a lock that is held for a walk over
// pointers, never over I/O; the writer thread takes it alone to publish a batch that is as durable as it is to be.
// Values exist once: objects, histories and listings share entries.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <shared_mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/store/database.hpp"
#include "core/store/field_entries.hpp"
#include "core/store/history.hpp"
#include "core/store/ordered_index.hpp"
#include "core/store/store.hpp"
#include "core/store/volatile_keys.hpp"

namespace gantry::store {

// std::shared_mutex lets a stream of readers keep the writer out for ever; this one does not.
class FairSharedMutex {
 public:
  FairSharedMutex() {
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&lock_, &attributes);
    pthread_rwlockattr_destroy(&attributes);
  }
  ~FairSharedMutex() { pthread_rwlock_destroy(&lock_); }
  FairSharedMutex(const FairSharedMutex&) = delete;
  FairSharedMutex& operator=(const FairSharedMutex&) = delete;
  void lock() { pthread_rwlock_wrlock(&lock_); }
  void unlock() { pthread_rwlock_unlock(&lock_); }
  void lock_shared() { pthread_rwlock_rdlock(&lock_); }
  void unlock_shared() { pthread_rwlock_unlock(&lock_); }

 private:
  pthread_rwlock_t lock_;
};

class Memory {
 public:
  using Clock = History::Clock;
  enum class Kept { kOnDisk, kInMemory };

  // `volatile_keys` outlives it.
  Memory(const HistoryLimits& on_disk, const HistoryLimits& in_memory, const VolatileKeys& volatile_keys)
      : volatile_keys_(volatile_keys), on_disk_(on_disk), in_memory_(in_memory) {}

  // Loading, before there are readers: rows in revision order. `gap`: how many revisions before it have no row. False:
  // the row can't be right.
  void start_at(Revision compacted, size_t rows) {
    revision_ = compacted;
    on_disk_.start_at(compacted);
    loading_.reserve(rows);
  }
  bool load(EntryPtr entry, bool deleted, Revision gap = 0);
  // The newest version of a key so far, or null.
  EntryPtr loaded(std::string_view key) const;
  void lose(std::string_view key);
  // Goes on behind a row that can't be believed, without the history up to there.
  void skip(Revision at);
  // Goes on behind a revision that somebody may have been told.
  void begin_behind(Revision told) { revision_ = std::max(revision_, told) + 1; }
  void finish_load();

  // [writer]
  void publish(const std::vector<EventPtr>& events, Kept where);
  // Drops what is too old; returns when to come again, if there is anything to come for.
  std::optional<Clock::time_point> expire(Clock::time_point now);
  std::vector<DeadRow> dead_rows(size_t at_least, size_t at_most) const;
  void forget_dead_rows(size_t count);

  // [any-thread]
  EntryPtr get(std::string_view key) const;
  Expected<ListResult> list(std::string_view prefix, Revision revision, std::string_view after, size_t limit) const;
  // As Store says.
  std::optional<ListResult> find(std::string_view prefix, const Only& only, std::string_view after) const;
  void index(std::string_view prefix, std::shared_ptr<const FieldIndex> field);
  // The kept events above `from` under `prefix`; `registered(events, revision)` runs before any
  // later event is published.
  using ReplayFn = std::function<void(std::vector<EventPtr> events, Revision revision)>;
  Status replay(std::string_view prefix, Revision from, const ReplayFn& registered) const;
  Revision revision() const;
  Revision compacted(std::string_view prefix) const;
  void compact(Revision revision);
  void fill(Stats& stats) const;

 private:
  void ask_for_values(const std::vector<EventPtr>& events) const;
  void change_indexes(const Event& event);
  void drop_oldest(History& history, std::vector<EventPtr>& garbage);
  void drop_old(History& history, Clock::time_point now, std::vector<EventPtr>& garbage);
  Revision compacted_locked(std::string_view prefix) const;
  // Pointers into the histories.
  std::vector<const EventPtr*> events_behind(Revision revision, std::string_view prefix) const;
  OrderedIndex::Place first(std::string_view prefix, std::string_view after) const;
  OrderedIndex::Place behind(std::string_view prefix) const;
  void collect_newest(std::string_view prefix, std::string_view after, size_t limit, ListResult& result) const;
  void collect_past(std::string_view prefix, std::string_view after, size_t limit, ListResult& result) const;

  const VolatileKeys& volatile_keys_;
  mutable FairSharedMutex mutex_;
  OrderedIndex objects_;
  std::vector<FieldEntries> indexes_;                       // those that lists have asked for
  std::unordered_map<std::string_view, EntryPtr> loading_;  // the objects until finish_load
  History on_disk_, in_memory_;
  std::deque<DeadRow> dead_;  // what the writer is to delete from disk
  Revision revision_ = 1;
  int64_t object_bytes_ = 0;
};

}  // namespace gantry::store
