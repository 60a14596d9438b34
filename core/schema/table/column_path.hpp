// Paths of printer columns: "spec.size", "status.conditions[?(@.type==\"Ready\")].status", "spec.hosts[0]".
// Pure functions, any thread; the table room reads documents by them, the extension rules check them against the tree.
#pragma once

#include <cstddef>
#include <string_view>

#include "core/schema/schema.hpp"

namespace gantry::schema {

// One part of a path: a key of an object, or what is picked from a list.
struct PathStep {
  enum class Kind : uint8_t { kKey, kIndex, kWhere };
  Kind kind = Kind::kKey;
  std::string_view key;    // kKey; kWhere: of the elements
  std::string_view value;  // kWhere: what it is equal to
  size_t index = 0;        // kIndex
};

// Cuts the first step off the path (which has no leading dot); false when the path is not one.
bool next_step(std::string_view& path, PathStep& step);

// What the path leads to, or null; of several elements that fit, the first.
const Json* find_path(const Json& value, std::string_view path);

// What a path leads to in the tree: a field, or an element of one that is a list; or somewhere that the schema does not
// describe (within a map, say). All unset: nowhere.
struct PathTarget {
  const Field* field = nullptr;
  bool element = false;
  bool open = false;
};
PathTarget follow(const Message* message, std::string_view path);

}  // namespace gantry::schema
