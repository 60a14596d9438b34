// For tests: descriptor sets as protoc would write them, put together from the parts that a test wants different.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/schema/codec/wire.hpp"

namespace gantry::schema::testing {

constexpr uint32_t kDoubleType = 1, kInt64Type = 3, kInt32Type = 5, kBoolType = 8, kStringType = 9, kMessageType = 11,
                   kEnumType = 14;
constexpr std::string_view kMetadataType = ".k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta";

// Numbers are those of descriptor.proto and gantry/schema.proto.
inline std::string bytes_field(uint32_t number, std::string_view bytes) {
  std::string out;
  wire::put_bytes(out, number, bytes);
  return out;
}
inline std::string number_field(uint32_t number, uint64_t value) {
  std::string out;
  wire::put_number(out, number, value);
  return out;
}

// `rules`: the content of a FieldRules.
inline std::string field(std::string_view name, uint32_t number, uint32_t type, std::string_view type_name = {},
                         std::string_view rules = {}, bool repeated = false) {
  std::string out = bytes_field(1, name) + number_field(3, number) + number_field(4, repeated ? 3 : 1) +
                    number_field(5, type) + bytes_field(10, name);
  if (!type_name.empty()) out += bytes_field(6, type_name);
  if (!rules.empty()) out += bytes_field(8, bytes_field(51200, rules));
  return out;
}

// `rules`: the content of a MessageRules.
inline std::string message(std::string_view name, const std::vector<std::string>& fields, std::string_view rules = {}) {
  std::string out = bytes_field(1, name);
  for (const auto& field : fields) out += bytes_field(2, field);
  if (!rules.empty()) out += bytes_field(7, bytes_field(51200, rules));
  return out;
}

inline std::string descriptor_set(std::string_view file, std::string_view package,
                                  const std::vector<std::string>& messages) {
  std::string out = bytes_field(1, file) + bytes_field(2, package);
  for (const auto& message : messages) out += bytes_field(4, message);
  return bytes_field(1, out);
}

inline std::string resource(std::string_view group, std::string_view version, std::string_view plural,
                            std::string_view more = {}) {
  return bytes_field(1, group) + bytes_field(2, version) + bytes_field(3, plural) + number_field(5, 1) +
         std::string(more);
}

inline std::string column(std::string_view name, std::string_view type, std::string_view source) {
  return bytes_field(10, bytes_field(1, name) + bytes_field(2, type) + bytes_field(6, source));
}

// A kind as an author would write it. Each member may be replaced.
struct Widgets {
  std::string package = "demo.v1", name = "Widget";
  std::string group = "demo.example.com", version = "v1", plural = "widgets";
  // More of the Resource: short name, status subresource, a column, a selectable field.
  std::string more = bytes_field(6, "wd") + bytes_field(9, bytes_field(1, "status")) +
                     column("Size", "integer", ".spec.size") + bytes_field(11, "spec.colour");
  std::string metadata = field("metadata", 1, kMessageType, kMetadataType);
  std::vector<std::string> spec = {
      field("size", 1, kInt32Type, {}, bytes_field(9, "3") + number_field(13, 1) + number_field(14, 9)),
      field("colour", 2, kStringType, {}, bytes_field(11, "red") + bytes_field(11, "blue")),
      field("owner", 3, kStringType, {}, number_field(10, 1))};
  std::vector<std::string> status = {field("ready", 1, kInt32Type)};

  std::string set() const {
    const std::string prefix = "." + package + "." + name;
    return descriptor_set(plural + ".proto", package,
                          {message(name,
                                   {metadata, field("spec", 2, kMessageType, prefix + "Spec", number_field(16, 1)),
                                    field("status", 3, kMessageType, prefix + "Status")},
                                   bytes_field(2, resource(group, version, plural, more))),
                           message(name + "Spec", spec), message(name + "Status", status)});
  }
};

}  // namespace gantry::schema::testing
