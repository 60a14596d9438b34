// Inside of the strategic merge patch: what the tree says about the place where it is at work. Any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "core/schema/schema.hpp"

namespace gantry::schema::strategic {

// What the tree says about one key: how its value merges and what is inside.
struct Meta {
  const Message* message = nullptr;  // of the value or its elements; null: plain JSON
  bool map = false;                  // map<string, message>
  bool replace = false;
  bool merge = false;
  std::string merge_key;
};

inline bool has_strategy(std::string_view strategies, std::string_view name) {
  for (size_t at = 0; at <= strategies.size();) {
    size_t comma = std::min(strategies.find(',', at), strategies.size());
    if (strategies.substr(at, comma - at) == name) return true;
    at = comma + 1;
  }
  return false;
}

// The schema of one JSON object: a message, or a map whose values are all of one message.
struct Scope {
  const Message* message = nullptr;
  bool map = false;

  Meta lookup(std::string_view key) const {
    Meta meta;
    if (message == nullptr) return meta;
    if (map) {
      meta.message = message;
      return meta;
    }
    const Field* field = message->find(key);
    if (field == nullptr) return meta;
    meta.message = field->message;
    meta.map = field->map;
    meta.replace = has_strategy(field->patch_strategy, "replace");
    meta.merge = has_strategy(field->patch_strategy, "merge");
    meta.merge_key = field->patch_merge_key;
    return meta;
  }
};

}  // namespace gantry::schema::strategic
