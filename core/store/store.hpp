// The store interface: a revisioned key-value store with etcd's semantics.
//
// Owns all API objects. Keys are "/<group>/<resource>/<namespace>/<name>" (no namespace part for cluster-scoped
// resources: "/<group>/<resource>//<name>"); values are the canonical JSON bytes of an object. Every change gets the
// next global revision, which is the object's resourceVersion. Reads come from memory; a write is answered after it is
// on disk. Also the shape of the future `store` plugin interface.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::store {

using Revision = int64_t;

// Something a reader derived from an entry's bytes (parsed labels, protobuf encoding): kept with the entry, shared by
// all.
struct Derived {
  virtual ~Derived() = default;
  // For a form that came with the write: the revision that the entry got, before anybody reads it. [writer]
  virtual void stored(int64_t) {}
  // Bytes it holds, for the bound on the history.
  virtual size_t size() const { return 0; }
};

// One version of one object. Immutable but for the derived slots, which are set once (compare-and-swap).
struct Entry {
  std::string key;
  std::string value;  // complete JSON, resourceVersion included
  Revision create_revision = 0;
  Revision mod_revision = 0;           // revision of this version
  static constexpr size_t kSlots = 2;  // 0: attributes (labels, fields), 1: protobuf encoding
  mutable std::atomic<const Derived*> derived[kSlots] = {};

  Entry() = default;
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() {
    for (auto& slot : derived) delete slot.load(std::memory_order_relaxed);
  }
};
using EntryPtr = std::shared_ptr<const Entry>;

enum class EventType : uint8_t { kPut, kDelete };

// A change. `previous` is the version before (null when created). For kDelete `entry` is the last
// state, its mod_revision set to the revision of the deletion and its value carrying that
// resourceVersion (as upstream sends it in a DELETED event).
struct Event {
  EventType type = EventType::kPut;
  EntryPtr entry;
  EntryPtr previous;
};
using EventPtr = std::shared_ptr<const Event>;

// A write. The decimal revision that the store assigns is inserted into `value` at `revision_at`
// (the place between the quotes of "resourceVersion":""); npos: the value is taken as it is.
struct Write {
  enum class Kind : uint8_t { kCreate, kUpdate, kDelete };
  Kind kind = Kind::kCreate;
  std::string key;
  std::string value;  // for kDelete: the final state to announce
  size_t revision_at = std::string::npos;
  // kUpdate, kDelete: must equal the current mod_revision, else Conflict. 0: whatever is there.
  Revision expected = 0;
  // Forms that readers would derive from `value`, made while its document was at hand; they become the entry's. Null:
  // none.
  std::array<std::unique_ptr<Derived>, Entry::kSlots> derived;
  // A step towards the object's end, as kDelete always is: on a full disk such writes still get space, others don't.
  bool removes = false;
};

// The answer to a write: the new entry (for kDelete the final state), or
// AlreadyExists / NotFound / Conflict / a storage error. Called on the store's writer thread after the commit
// is durable; must not block: hand over and return.
using WriteCallback = std::function<void(Expected<EntryPtr>)>;

struct ListResult {
  std::vector<EntryPtr> entries;  // ordered by key
  Revision revision = 0;          // the revision the list is a snapshot of
  bool more = false;              // `limit` cut it
  int64_t remaining = 0;          // how many are left when `more`
};

// A subscription to changes of a prefix; destroying it ends it (after that no callback runs).
class Watch {
 public:
  virtual ~Watch() = default;
};

// Receives events of one watch in revision order, batch by batch, on the store's notifier thread; must not block.
// `progress` is the revision up to which everything has been delivered (bookmarks). The span is valid for the call.
using WatchCallback = std::function<void(const EventPtr* events, size_t count, Revision progress)>;

// A field by whose value the store finds entries, and the watchers that a change concerns. Told apart by name.
class FieldIndex {
 public:
  virtual ~FieldIndex() = default;
  virtual std::string_view name() const = 0;
  // The value that a version has, borrowed from it. Quick for versions that were written with their derived forms.
  // [any-thread]
  virtual std::string_view value(const Entry& entry) const = 0;
};

// Which entries of a prefix are wanted: those with this value. No field: all.
struct Only {
  std::shared_ptr<const FieldIndex> field;
  std::string value;
};

// How entries are kept that need not survive the process: in memory alone.
struct Volatility {
  std::chrono::milliseconds time_to_live{};  // one that nobody writes to for so long is deleted
  int64_t most = 0;                          // entries
  int64_t most_bytes = 0;                    // of their keys and values
};

struct Stats {
  Revision revision = 0;
  Revision compacted = 0;
  int64_t entries = 0;
  int64_t value_bytes = 0;
  int64_t watchers = 0;
  int64_t commits = 0;  // transactions; writes / commits is the group size
  int64_t writes = 0;
  int64_t volatile_entries = 0;  // of all
  int64_t volatile_writes = 0;   // beside the others
};

class Store {
 public:
  virtual ~Store() = default;

  // Queues a write; bounded in writes and bytes: TooManyRequests through the callback beyond that. [any-thread]
  virtual void write(Write write, WriteCallback done) = 0;

  // Newest version of a key, or null. Reads see every acknowledged write. [any-thread]
  virtual EntryPtr get(std::string_view key) const = 0;

  // All entries under `prefix`, in key order, as of `revision` (0: newest). `after`: start behind this key
  // (continue); `limit` 0: all. Expired when `revision` is compacted; BadRequest-like Status when in the future.
  // [any-thread]
  virtual Expected<ListResult> list(std::string_view prefix, Revision revision = 0, std::string_view after = {},
                                    size_t limit = 0) const = 0;

  // Of the newest entries under `prefix` those with the value that is wanted, behind `after`, in key order, without a
  // look at the others. Nothing as long as index() was not called for a prefix of it, and for the value "": list()
  // has them among all. [any-thread]
  virtual std::optional<ListResult> find(std::string_view prefix, const Only& only, std::string_view after = {}) const {
    (void)prefix, (void)only, (void)after;
    return std::nullopt;
  }
  // From now on finds entries under `prefix` by this field. Looks at all of them once. [any-thread]
  virtual void index(std::string_view prefix, std::shared_ptr<const FieldIndex> field) { (void)prefix, (void)field; }

  // Changes with a revision > `from` (so `from` is a list's revision). Expired (410) when `from` is compacted.
  // [any-thread]
  Expected<std::unique_ptr<Watch>> watch(std::string_view prefix, Revision from, WatchCallback callback) {
    return watch(prefix, from, std::move(callback), {});
  }
  // The same for changes of entries that have, or had before, the value that is wanted; what comes at once, from
  // before now, may be of others, too.
  virtual Expected<std::unique_ptr<Watch>> watch(std::string_view prefix, Revision from, WatchCallback callback,
                                                 Only only) = 0;

  // From now on what is created under `prefix` is kept in memory alone, within bounds: a write that would break one is
  // TooManyRequests. Revisions, reads and watches are as of other entries; what is kept of the past is little, and ends
  // at the store's opening. What is on disk already stays so until it is deleted. Called again: with other bounds.
  // Prefixes end at a slash and are not nested. A store that can't keeps them on disk. [any-thread]
  virtual void set_volatile(std::string_view prefix, const Volatility& how) { (void)prefix, (void)how; }

  virtual Revision revision() const = 0;
  // OK, or why writes fail now. Recovers by itself, also when nobody writes. [any-thread]
  virtual Status health() const { return {}; }
  // The oldest revision that a list or a watch of `prefix` may name. [any-thread]
  virtual Revision compacted(std::string_view prefix) const { return (void)prefix, stats().compacted; }
  // Drops history up to `revision`. Done automatically too, see the implementation's options. [any-thread]
  virtual void compact(Revision revision) = 0;
  virtual Stats stats() const = 0;
};

}  // namespace gantry::store
