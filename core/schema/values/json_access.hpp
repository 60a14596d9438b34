// Reading and filling documents by key, as defaulting and validation do it: absent and null are the same.
// Header only, any thread.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string_view>

#include "core/schema/schema.hpp"

namespace gantry::schema {

using JsonObject = boost::json::object;
using JsonArray = boost::json::array;

inline const Json* get(const JsonObject& object, std::string_view key) {
  const Json* value = object.if_contains(key);
  return value != nullptr && !value->is_null() ? value : nullptr;
}
inline Json* get(JsonObject& object, std::string_view key) {
  Json* value = object.if_contains(key);
  return value != nullptr && !value->is_null() ? value : nullptr;
}
inline const JsonObject* get_object(const JsonObject& object, std::string_view key) {
  const Json* value = get(object, key);
  return value != nullptr ? value->if_object() : nullptr;
}
inline JsonObject* get_object(JsonObject& object, std::string_view key) {
  Json* value = get(object, key);
  return value != nullptr ? value->if_object() : nullptr;
}
inline const JsonArray* get_array(const JsonObject& object, std::string_view key) {
  const Json* value = get(object, key);
  return value != nullptr ? value->if_array() : nullptr;
}
inline JsonArray* get_array(JsonObject& object, std::string_view key) {
  Json* value = get(object, key);
  return value != nullptr ? value->if_array() : nullptr;
}
// An empty one when absent or no object.
inline const JsonObject& object_at(const JsonObject& object, std::string_view key) {
  static const JsonObject kNone;
  const JsonObject* found = get_object(object, key);
  return found != nullptr ? *found : kNone;
}
// Empty when absent or no string.
inline std::string_view get_text(const JsonObject& object, std::string_view key) {
  const Json* value = get(object, key);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}
inline bool get_flag(const JsonObject& object, std::string_view key) {
  const Json* value = get(object, key);
  return value != nullptr && value->is_bool() && value->get_bool();
}
inline int64_t get_number(const JsonObject& object, std::string_view key, int64_t otherwise = 0) {
  const Json* value = get(object, key);
  return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
}

// The object at `key`, made when absent.
inline JsonObject& ensure_object(JsonObject& object, std::string_view key) {
  Json& value = object[key];
  if (!value.is_object()) value.emplace_object();
  return value.get_object();
}

// Puts `from`'s value of a key, or its absence, into `to`.
inline void take_key(JsonObject& to, const JsonObject& from, std::string_view key) {
  const Json* value = from.if_contains(key);
  if (value == nullptr) {
    to.erase(key);
  } else {
    to[key] = *value;
  }
}
// A list with something in it.
inline bool has_items(const JsonObject& object, std::string_view key) {
  const JsonArray* list = get_array(object, key);
  return list != nullptr && !list->empty();
}

// For each object in the list at `key`.
template <typename Object, typename Visit>
void each(Object& object, std::string_view key, Visit&& visit) {
  auto* list = get_array(object, key);
  if (list == nullptr) return;
  for (auto& item : *list) {
    if (auto* inner = item.if_object()) visit(*inner);
  }
}

}  // namespace gantry::schema
