// A write on its way through the chain: who wants what changed, and from what to what.
//
// Made by the API server for each create, update, patch, scale, deletion, binding, and for each exec (connect).
// It belongs to one request, moves from thread to thread with it, and is never used by two at once.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/http.hpp"
#include "core/limits/later.hpp"
#include "core/schema/schema.hpp"
#include "core/store/store.hpp"

namespace gantry::admission {

// A patch is an update; each object of a deletecollection is a deletion.
enum class Operation : uint8_t { kCreate, kUpdate, kDelete, kConnect };

// The stored objects that a step may look at. [any-thread]
class Objects {
 public:
  virtual ~Objects() = default;
  // The newest version, or null. `ns` is empty for what has no namespace.
  virtual store::EntryPtr get(const schema::Kind& kind, std::string_view ns, std::string_view name) const = 0;
  // A selectable field of an object ("status.phase"), without reading its document; empty when it has none.
  virtual std::string field(const schema::Kind& kind, const store::Entry& entry, std::string_view path) const = 0;
  // Those that may be their kind's default (Behavior::default_mark), without a look at the others.
  virtual std::vector<store::EntryPtr> marked(const schema::Kind& kind) const = 0;
};

class WriteRequest : public limits::Waiter {
 public:
  ~WriteRequest() override {
    for (const auto& end : at_end) end();
  }
  Operation operation = Operation::kCreate;
  schema::SchemaPtr schema;
  const schema::Kind* kind = nullptr;  // of the object on the path, never null
  std::string ns, name, subresource;
  const http::Identity* user = nullptr;  // never null
  // What is to be stored: mutating steps change it. Of a subresource that is written by another kind's object
  // (pods/binding): that object. Null for deletions and connections.
  schema::Json* object = nullptr;
  const schema::Json* old = nullptr;      // what is stored; null on create and connect
  const schema::Json* options = nullptr;  // DeleteOptions; else null
  bool dry_run = false;
  const Objects* objects = nullptr;              // never null
  std::vector<std::string>* warnings = nullptr;  // for the caller; never null
  // Set by a mutating step that put in what the server has not looked at: its defaults are filled in, and what the
  // server owns (uid, creation time, status) becomes the server's again.
  bool needs_defaults = false;
  // Called once the request has ended, whatever came of it: what it wrote is stored. By then `ns`, `name` (of a made-up
  // name the one that was taken) and `kind` alone are there. On any thread, the store's writer's too: must not block.
  std::vector<std::function<void()>> at_end;

  // Whether it is about this resource, its own address and not a subresource's.
  bool is_about(std::string_view group, std::string_view plural) const {
    return subresource.empty() && kind->plural == plural && kind->group == group;
  }
  bool creates(std::string_view group, std::string_view plural) const {
    return operation == Operation::kCreate && is_about(group, plural);
  }
};
using WriteRequestPtr = std::shared_ptr<WriteRequest>;

}  // namespace gantry::admission
