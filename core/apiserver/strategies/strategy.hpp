// What is special about a kind when it is created, updated, deleted: one row a kind, found by resource.
//
// The verbs do the common part (metadata, status and spec separation, generation, defaults, validation). Pure
// functions, any thread.
#pragma once

#include <string_view>

#include "core/apiserver/documents.hpp"
#include "core/schema/schema.hpp"

namespace gantry::apiserver {

// Another kind, whose objects these are: stored as its own, and how they are seen.
struct Shared {
  std::string_view group, version, plural;
  // From a document of that kind to one of this, and back; apiVersion and kind are seen to.
  void (*seen)(JsonObject& document);
  void (*stored)(JsonObject& document);
};

struct Strategy {
  std::string_view group, plural;
  // After defaulting, before validation.
  void (*create)(Json& document) = nullptr;
  // `next` with the protected parts already taken from `old`; the main resource, and /status.
  void (*update)(Json& next, const Json& old) = nullptr;
  void (*update_status)(Json& next, const Json& old) = nullptr;
  bool keeps_status_on_create = false;
  bool unconditional_update = true;  // PUT without resourceVersion
  bool create_on_update = false;     // PUT makes what isn't there
  bool returns_deleted = false;      // DELETE answers with the object, not with a Status
  // Controllers, scheduler or node agent get each version at once, so its protobuf form is made with the write.
  bool read_at_once = true;
  // Null: its objects are its own. Else stored.hpp, and nothing is made of its own form with a write.
  const Shared* shared = nullptr;
};

const Strategy& strategy_of(const schema::Kind& kind);

// Rows of the table, by group of kinds.
void pod_create(Json& pod);
void pod_update(Json& next, const Json& old);
void pod_update_status(Json& next, const Json& old);
void namespace_create(Json& document);
void namespace_update(Json& next, const Json& old);
void secret_create(Json& secret);
void secret_update(Json& next, const Json& old);
void workload_update_status(Json& next, const Json& old);
std::string_view qos_class(const Json& pod);
extern const Shared kCoreEvents;

}  // namespace gantry::apiserver
