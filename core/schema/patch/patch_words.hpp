// Inside of the patches: what they say alike. Any thread.
#pragma once

#include "core/schema/codec/codec.hpp"
#include "core/schema/schema.hpp"

namespace gantry::schema {

inline const char* kind_of(const Json& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_bool()) return "bool";
  return "number";
}

inline Status too_deep() {
  return Status::invalid("the patched object exceeds the maximum depth of " + std::to_string(kMaxDepth));
}

}  // namespace gantry::schema
