// An informer: the cache of one resource, fed by a reflector, shared by all controllers that watch it.
//
// Objects are the shared, read-only bytes that the API server encoded; beside each lies what lookups need
// (name, labels, owners). Readers take a shared lock; one writer, the reflector, whose inbox is emptied on the threads
// of start()'s `run`. [any-thread]
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/client/client.hpp"
#include "core/client/reflector.hpp"
#include "core/controller/object_index.hpp"
#include "core/schema/schema.hpp"
#include "gantry/abi.pb.h"

namespace gantry::controller {

// What one watch is about; informers are shared by equality of it.
struct InformerKey {
  std::string group, version, resource, label_selector, field_selector;
  bool metadata_only = false;
  auto operator<=>(const InformerKey&) const = default;
};

struct OwnerRef {
  std::string api_version, kind, name, uid;
  bool controller = false, blocks = false;  // blockOwnerDeletion
  bool operator==(const OwnerRef&) const = default;
};

struct CachedObject {
  client::Object object;
  std::string_view metadata;  // of object.bytes: its field 1 with tag and length, a PartialObjectMetadata of its own
  std::string ns, name, uid;
  int64_t revision = 0;
  bool deleting = false;
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<OwnerRef> owners;

  const OwnerRef* controller() const;  // the one owner that manages it, or null
};
using CachedPtr = std::shared_ptr<const CachedObject>;

// The lookups' part of an object of any kind (its ObjectMeta is protobuf field 1); null when the bytes are broken.
CachedPtr index_object(client::Object object);

class Informer {
 public:
  // `now` is the object after the event (last state for DELETED), `before` the one it replaces, or null.
  struct Event {
    gantry::abi::ObjectEvent::Type type;
    CachedPtr now;
    CachedPtr before;
  };
  // What came at once, in order.
  using Events = std::vector<Event>;
  using Listener = std::function<void(const Informer&, const Events&)>;

  // `fields`: of the resource, those by whose value objects are found.
  explicit Informer(InformerKey key, std::vector<schema::IndexedField> fields = {});

  const InformerKey& key() const { return key_; }
  // Listeners run on the informer's thread, in order, and must not block. One that comes late is told first, on this
  // thread, of all objects as ADDED; events of that moment may come twice and in any order to it. Ends when the handle
  // goes, but for a call that runs.
  using Handle = std::shared_ptr<const Listener>;
  Handle listen(Listener listener);
  bool started() const { return reflector_ != nullptr; }
  // `changed` is called when it is filled for the first time, and when refused() changes, on the informer's thread.
  void start(client::Client& client, client::ReflectorOptions options, std::function<void()> changed);
  // Lists at once what was refused so far: it may be served now. On the thread that started it.
  void try_again();
  void stop() { reflector_.reset(); }
  bool synced() const;
  // Why the server does not give what is watched, as long as it does not: it is not served, or a selector is wrong. Ok
  // for what will do later, such as a server that is busy.
  Status refused() const;

  CachedPtr get(std::string_view ns, std::string_view name) const;
  // Objects in key order, of one namespace or of all ("").
  std::vector<CachedPtr> list(std::string_view ns) const;
  std::vector<CachedPtr> by_owner(std::string_view uid) const;  // in key order, too
  // Objects with this value of an indexed field, or of "metadata.controller" (the uid of the owner that manages them,
  // "" where none does), in key order; of one namespace, or of all (""). An index is made when it is asked for first.
  // Nothing: no such index.
  std::optional<std::vector<CachedPtr>> by_index(std::string_view index, std::string_view value,
                                                 std::string_view ns) const;

  // Calls `seen` once the cache shows all that had happened by `revision`, the object's version with it (`deleted`:
  // once the object is gone or being deleted). False and never called when that is so already. A version that a
  // selector filters out is over with the next event, or when so many newer ones are waited for.
  static constexpr size_t kMaxWrites = 16'384;
  bool when_seen(const std::string& uid, std::string_view ns, std::string_view name, int64_t revision, bool deleted,
                 std::function<void()> seen);

 private:
  using Listeners = std::vector<std::weak_ptr<const Listener>>;
  std::shared_ptr<const Listeners> listeners() const;
  void replace(client::Client::List list);
  void apply(std::vector<client::WatchEvent> events);
  // Changes the maps under the lock and gathers what to tell afterwards.
  Event put_locked(CachedPtr object);
  Event erase_locked(CachedPtr object);
  using Calls = std::vector<std::function<void()>>;
  void take_writes_locked(Calls& out);
  void take_deletions_locked(const CachedObject& object, Calls& out);
  void take_deletions_after_list_locked(Calls& out);
  void index_locked(const CachedPtr& object, bool add);
  std::optional<ObjectIndex> make_index(std::string_view name) const;
  void tell(const Events& events, const Calls& seen);
  void note_failure(const Status& why);

  const InformerKey key_;
  std::shared_ptr<const Listeners> listeners_;  // replaced, never changed
  std::function<void()> on_change_;
  std::function<void()> list_;  // starts the reflector
  mutable std::shared_mutex mutex_;
  std::map<std::string, CachedPtr, std::less<>> objects_;  // "ns/name"
  const std::vector<schema::IndexedField> fields_;
  ObjectIndex by_owner_;
  mutable std::map<std::string, ObjectIndex, std::less<>> indexes_;  // those that were asked for
  // Who waits for a version, and for the end of the object with a uid.
  std::multimap<int64_t, std::function<void()>> writes_;
  std::unordered_multimap<std::string, std::function<void()>> deletions_;
  int64_t revision_ = 0;
  bool synced_ = false;
  Status refused_;
  std::unique_ptr<client::Reflector> reflector_;  // last: its callbacks use the rest
};

}  // namespace gantry::controller
