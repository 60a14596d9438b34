// For tests of kinds: objects made from text, and what is wrong with them, a line each.
#pragma once

#include <string>
#include <vector>

#include "core/schema/patch/patch.hpp"
#include "core/schema/schema_testing.hpp"

namespace gantry::kinds {

using schema::Json;
using schema::Kind;
using schema::testing::deployment_kind;
using schema::testing::kind;
using schema::testing::pod_kind;
using Problems = std::vector<std::string>;

inline Json parsed(std::string_view json) {
  auto value = schema::parse_json(json);
  EXPECT_TRUE(value.ok()) << json;
  return *value;
}

// `base` with a merge patch, canonical and with its defaults.
inline Json made(const Kind& what, std::string_view base, std::string_view patch = "{}") {
  auto merged = schema::merge_patch(parsed(base), parsed(patch));
  EXPECT_TRUE(merged.ok());
  auto canonical = schema::canonicalize(*what.message, *merged);
  EXPECT_TRUE(canonical.ok()) << (canonical ? "" : canonical.error().message());
  if (!canonical) return *std::move(merged);
  EXPECT_TRUE(apply_defaults(what, *canonical).ok());
  return *std::move(canonical);
}

// "spec.replicas: Invalid value: -1: must be ..."
inline Problems lines(const std::vector<StatusCause>& causes) {
  Problems out;
  for (const StatusCause& cause : causes) out.push_back(cause.field + ": " + cause.message);
  return out;
}

// Of a new object; of an update of an old one.
inline Problems problems(const Kind& what, std::string_view json) { return lines(validate(what, made(what, json))); }
inline Problems problems(const Kind& what, std::string_view json, std::string_view old_json) {
  const Json old = made(what, old_json);
  return lines(validate(what, made(what, json), &old));
}

}  // namespace gantry::kinds
