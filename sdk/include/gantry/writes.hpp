// Writes that a controller makes again and again: finalizers, and an object that shall be as a function makes it.
// [worker]
//
// All of them are level-triggered: they look first and write only what differs. An answer of 409 means that somebody
// else was faster; returned from reconcile, the key comes back with newer caches.
#pragma once

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "gantry/host.hpp"

namespace gantry::sdk {

inline bool has_finalizer(const metav1::ObjectMeta& meta, std::string_view finalizer) {
  return std::find(meta.finalizers().begin(), meta.finalizers().end(), finalizer) != meta.finalizers().end();
}

// The object with its finalizers exchanged, if nobody has written it since. Names of finalizers are qualified names and
// need no escaping; others are the server's to refuse, so the few characters that would break the JSON are kept out.
template <typename Message>
Expected<Message> write_finalizers(const Host& host, const Message& object,
                                   const std::vector<std::string>& finalizers) {
  const auto& meta = object.metadata();
  std::string list;
  for (const auto& name : finalizers) {
    if (name.find_first_of("\"\\") != std::string::npos)
      return Status::invalid("\"" + name + "\" is no finalizer's name");
    list.append(list.empty() ? "" : ",").append("\"").append(name).append("\"");
  }
  return host.template patch<Message>(meta.namespace_(), meta.name(),
                                      "{\"metadata\":{\"finalizers\":[" + list + "],\"resourceVersion\":\"" +
                                          meta.resource_version() + "\",\"uid\":\"" + meta.uid() + "\"}}");
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
  const auto written = write_finalizers(host, object, others);
  return written || written.error().code() == 404 ? Status() : written.error();
}

// The same bytes for the same content: maps in the order of their keys.
template <typename Message>
std::string stable_bytes(const Message& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&out);
  out.Trim();
  return bytes;
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

}  // namespace gantry::sdk
