// Objects of any kind, by their metadata: the caches for a first look, the API for what decides and changes.
//
// Owned by Collector. Everything that calls the API is [worker]; the caches are [any-thread].
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/host.hpp"
#include "gantry/ownership.hpp"
#include "resource_map.hpp"

namespace gantry::garbage_collector {

using Meta = metav1::ObjectMeta;
using sdk::has_finalizer;
using sdk::reference_to;

inline constexpr std::string_view kForegroundFinalizer = "foregroundDeletion";
inline constexpr std::string_view kOrphanFinalizer = "orphan";

struct ObjectId {
  std::string group, version, resource, ns, name;
  // "apps/v1 replicasets ns/name", for messages.
  std::string text() const;
};

struct Dependent {
  ObjectId id;
  Meta meta;
};

// Being deleted, and waits until its dependents are gone.
bool waits_for_dependents(const Meta& meta);

class Objects {
 public:
  explicit Objects(sdk::Host host) : host_(host) {}

  std::optional<Meta> cached(const ObjectId& id) const;
  // Cached objects that name `uid` as an owner; of one namespace, or of all for "".
  std::vector<Dependent> dependents(const std::vector<Resource>& resources, std::string_view ns,
                                    std::string_view uid) const;

  Expected<Meta> get(const ObjectId& id) const;
  // The same as dependents(), from the API: complete at the time of the call.
  Expected<std::vector<Dependent>> live_dependents(const std::vector<Resource>& resources, const std::string& ns,
                                                   std::string_view uid) const;
  // Deletes exactly the version that was judged. One that is gone already is a success.
  Status remove(const ObjectId& id, const Meta& judged, std::string_view policy) const;
  // Both change `meta` and write it; the answer is the object's new metadata. Conflict when `meta` is not the newest.
  Expected<Meta> write_owners(const ObjectId& id, const Meta& meta) const;
  Expected<Meta> write_finalizers(const ObjectId& id, const Meta& meta) const;

 private:
  Expected<Meta> patch(const ObjectId& id, const Meta& meta, const std::string& field, std::string json) const;

  const sdk::Host host_;
};

}  // namespace gantry::garbage_collector
