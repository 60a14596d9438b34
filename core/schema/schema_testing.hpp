// For the schema room's tests: the built-in schema once a process, and documents from text.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string_view>

#include "core/kinds/kinds.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/rules/rules.hpp"

namespace gantry::schema::testing {

inline const Schema& builtin() {
  static const SchemaPtr schema = [] {
    auto built = Schema::builtin(kinds::all());
    EXPECT_TRUE(built.ok()) << (built ? "" : built.error().message());
    return *std::move(built);
  }();
  return *schema;
}

inline const Kind& kind(std::string_view group, std::string_view name, std::string_view version = "v1") {
  const Kind* found = builtin().find_kind(group, version, name);
  EXPECT_NE(found, nullptr) << name;
  return *found;
}
inline const Kind& pod_kind() { return kind("", "Pod"); }
inline const Kind& deployment_kind() { return kind("apps", "Deployment"); }

inline Json document(const Kind& kind, std::string_view json) {
  auto decoded = decode(*kind.message, Media::kJson, json);
  EXPECT_TRUE(decoded.ok()) << (decoded ? "" : decoded.error().message());
  return decoded ? *std::move(decoded) : Json(boost::json::object());
}

}  // namespace gantry::schema::testing
