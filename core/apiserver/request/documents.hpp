// Small helpers over JSON documents: look something up, make sure an object is there. Pure, any thread.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <initializer_list>
#include <string>
#include <string_view>

namespace gantry::apiserver {

using Json = boost::json::value;
using JsonObject = boost::json::object;
using JsonArray = boost::json::array;
using Path = std::initializer_list<std::string_view>;

// The value at a path of object keys, or null.
const Json* find(const Json& document, Path path);
// A string there, or empty.
std::string_view text_at(const Json& document, Path path);
// An integer there, or `otherwise`.
int64_t int_at(const Json& document, Path path, int64_t otherwise = 0);
bool has_items(const Json& document, Path path);  // a non-empty array
// The object under `key`, made when absent (or something else).
JsonObject& object_in(JsonObject& parent, std::string_view key);
inline JsonObject& metadata_of(Json& document) { return object_in(document.as_object(), "metadata"); }
// Puts `from`'s value of a key, or its absence, into `to`.
void take_key(JsonObject& to, const Json& from, std::string_view key);
bool list_contains(const Json* list, std::string_view text);
std::string quoted(std::string_view text);  // a JSON string with its quotes

}  // namespace gantry::apiserver
