// Writes that a controller makes again and again: finalizers, a status, and an object that shall be as a function makes
// it. [worker]
//
// All of them are level-triggered: they look first and write only what differs. An answer of 409 means that somebody
// else was faster; returned from reconcile, the key comes back with newer caches.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gantry/host.hpp"
#include "gantry/ownership.hpp"
#include "gantry/refusals.hpp"
#include "gantry/stable_bytes.hpp"

namespace gantry::sdk {

// The merge patch that makes an object's finalizers these, while it is the version that `meta` is of.
std::string finalizers_patch(const metav1::ObjectMeta& meta, const std::vector<std::string>& finalizers);

// The object with its finalizers exchanged, if nobody has written it since. [worker]
template <typename Message>
Expected<Message> write_finalizers(const Host& host, const Message& object,
                                   const std::vector<std::string>& finalizers) {
  const auto& meta = object.metadata();
  return host.template patch<Message>(meta.namespace_(), meta.name(), finalizers_patch(meta, finalizers));
}

// The object as it is then. An object that is being deleted takes no new one (the server's rule), so look at its
// deletionTimestamp first.
template <typename Message>
Expected<Message> add_finalizer(const Host& host, const Message& object, const std::string& finalizer) {
  if (has_finalizer(object.metadata(), finalizer)) return object;
  std::vector<std::string> all(object.metadata().finalizers().begin(), object.metadata().finalizers().end());
  all.push_back(finalizer);
  return write_finalizers(host, object, all);
}

// Success, too, when it is gone already, and the object with it.
template <typename Message>
Status remove_finalizer(const Host& host, const Message& object, const std::string& finalizer) {
  if (!has_finalizer(object.metadata(), finalizer)) return {};
  std::vector<std::string> others;
  for (const auto& name : object.metadata().finalizers()) {
    if (name != finalizer) others.push_back(name);
  }
  return unless_gone(write_finalizers(host, object, others));
}

enum class Written : uint8_t { kUnchanged, kCreated, kUpdated };

// Brings an object into the form that `make` gives it. `make(Message&)` gets what the server has, or an empty object
// with namespace and name, sets what it cares for and leaves the rest; a Status that is not ok ends it, and nothing is
// written. Asks the server, not the cache, so that it may be used right after a write.
template <typename Message, typename Make>
Expected<Written> create_or_update(const Host& host, const std::string& ns, const std::string& name, Make&& make) {
  auto current = host.template get_object<Message>(ns, name);
  if (!current && current.error().code() != 404) return current.error();
  Message wanted = current ? *current : Message();
  if (!current) {
    wanted.mutable_metadata()->set_namespace_(ns);
    wanted.mutable_metadata()->set_name(name);
  }
  if (Status made = make(wanted); !made.ok()) return made;
  if (wanted.metadata().namespace_() != ns || wanted.metadata().name() != name) {
    return Status::invalid("create_or_update of " + ns + "/" + name + ": its function may not rename the object");
  }
  if (!current) {
    auto created = host.create(ns, wanted);
    if (!created) return created.error();
    return Written::kCreated;
  }
  if (stable_bytes(*current) == stable_bytes(wanted)) return Written::kUnchanged;
  auto updated = host.update(wanted);
  if (!updated) return updated.error();
  return Written::kUpdated;
}

// Writes the status of an object that was read earlier. When somebody else wrote meanwhile, once more with the newest
// version: for a status that was computed from other objects, and is as right with that. Success when the object is
// gone, or another one has its name.
template <typename Message, typename StatusOf>
Status write_status(const Host& host, Message object, StatusOf status) {
  *object.mutable_status() = status;
  const auto written = host.update(object, "status");
  if (written || written.error().code() != 409) return unless_gone(written);
  auto fresh = host.template get_object<Message>(object.metadata().namespace_(), object.metadata().name());
  if (!fresh) return unless_gone(fresh);
  if (fresh->metadata().uid() != object.metadata().uid()) return {};
  *fresh->mutable_status() = std::move(status);
  return unless_gone(host.update(*fresh, "status"));
}

}  // namespace gantry::sdk
