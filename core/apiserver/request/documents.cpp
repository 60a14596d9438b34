// Small helpers over JSON documents. Pure, any thread.
#include "core/apiserver/request/documents.hpp"

#include <boost/json/serialize.hpp>

#include "gantry/text.hpp"

namespace gantry::apiserver {

const Json* find(const Json& document, Path path) {
  const Json* at = &document;
  for (const auto key : path) {
    const auto* object = at->if_object();
    at = object == nullptr ? nullptr : object->if_contains(key);
    if (at == nullptr) return nullptr;
  }
  return at;
}

std::string_view text_at(const Json& document, Path path) {
  const Json* at = find(document, path);
  if (at == nullptr || !at->is_string()) return {};
  return {at->get_string().data(), at->get_string().size()};
}

int64_t int_at(const Json& document, Path path, int64_t otherwise) {
  const Json* at = find(document, path);
  if (at == nullptr) return otherwise;
  if (at->is_int64()) return at->get_int64();
  if (at->is_uint64()) return static_cast<int64_t>(at->get_uint64());
  return otherwise;
}

bool has_items(const Json& document, Path path) {
  const Json* at = find(document, path);
  return at != nullptr && at->is_array() && !at->get_array().empty();
}

JsonObject& object_in(JsonObject& parent, std::string_view key) {
  Json& at = parent[key];
  if (!at.is_object()) at.emplace_object();
  return at.get_object();
}

void take_key(JsonObject& to, const Json& from, std::string_view key) {
  const Json* value = find(from, {key});
  if (value == nullptr) {
    to.erase(key);
  } else {
    to[key] = *value;
  }
}

bool list_contains(const Json* list, std::string_view text) {
  if (list == nullptr || !list->is_array()) return false;
  for (const auto& item : list->get_array()) {
    if (item.is_string() && std::string_view(item.get_string()) == text) return true;
  }
  return false;
}

std::string quoted(std::string_view bytes) { return boost::json::serialize(boost::json::string(as_text(bytes))); }

}  // namespace gantry::apiserver
