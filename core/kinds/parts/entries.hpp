// Rules that ConfigMaps, Secrets and other small kinds share. Pure functions, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// Bytes of all values of one object.
inline constexpr size_t kMostDataBytes = 1024 * 1024;

// Whether both have the same at `key`; an empty object is the same as none.
bool same_at(const JsonObject& object, const JsonObject& old, std::string_view key);
// Checks the keys of the map at `list`; returns the size of its values, in base64 when `bytes`.
size_t check_entries(const JsonObject& object, std::string_view list, bool bytes, const At& at, Errors& errors);
// Objects marked immutable may only be deleted.
void check_frozen(const JsonObject& object, const JsonObject* old, std::initializer_list<std::string_view> lists,
                  const At& at, Errors& errors);

}  // namespace gantry::kinds
