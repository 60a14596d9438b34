// How messages look in JSON, for code that has no descriptors (the lite runtime): rows that the build makes of the
// schema (sdk/proto/json_table.py), and what is done with them in both directions. Used by template_patch.cpp; any
// thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::sdk::json {

enum class FieldType : uint8_t { kText, kBool, kInteger, kDouble, kBytes, kMessage };
enum class Form : uint8_t { kStruct, kTime, kQuantity, kIntOrString, kRawJson };
// Written even when zero; presence is kept; its fields stand in the parent's object; a list; a map with text keys.
enum Flag : uint8_t { kAlways = 1, kPointer = 2, kInline = 4, kRepeated = 8, kMap = 16 };

struct JsonField {
  uint16_t number;
  uint16_t message;  // of the table, when it is one; of a map, its values'
  FieldType type;
  uint8_t flags;
  std::string_view name;

  bool is(Flag flag) const { return (flags & flag) != 0; }
};

struct JsonMessage {
  Form form;
  uint16_t begin, count;  // its fields, sorted by name
};

struct JsonTable {
  std::span<const JsonField> fields;
  std::span<const JsonMessage> messages;

  std::span<const JsonField> of(const JsonMessage& message) const {
    return fields.subspan(message.begin, message.count);
  }
};

// A message of the table, encoded, as JSON: keys sorted, in upstream's escapes. `first` goes before the first member,
// as it stands ("\"$patch\":\"replace\""). Bytes that are no such message end early; nothing is read out of bounds.
std::string to_json(const JsonTable& table, uint16_t message, std::string_view encoded, std::string_view first = {});

// The message, encoded, that the value at `path` in `text` describes ({"spec", "template"}).
Expected<std::string> from_json(const JsonTable& table, uint16_t message, std::string_view text,
                                std::span<const std::string_view> path);

}  // namespace gantry::sdk::json
