// The schema tree: what the .proto files and their options say, as the machinery reads it.
//
// A Schema is what is served at one moment: the kinds of the embedded descriptor set, and those of the sets that
// plugins bring (registry.hpp). Codecs, defaulting, validation, patches, tables and OpenAPI are functions over it and a
// JSON document, so that a kind that comes from elsewhere takes the same path. Who works with a kind holds the Schema
// that gave it; a kind that was replaced is freed with its last reader.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/schema/tree/behavior.hpp"
#include "gantry/status.hpp"

namespace gantry::schema {

using Json = boost::json::value;

enum class FieldType : uint8_t { kMessage, kString, kBool, kInt32, kInt64, kDouble, kBytes };
enum class Form : uint8_t { kStruct, kTime, kMicroTime, kQuantity, kIntOrString, kRawJson, kDuration, kList };
enum class ListType : uint8_t { kAtomic, kSet, kMap };

struct Message;

struct Field {
  std::string json;  // key in the JSON object
  std::string comment;
  uint32_t number = 0;  // protobuf
  FieldType type = FieldType::kString;
  const Message* message = nullptr;  // for kMessage
  bool repeated = false;
  bool map = false;      // map<string, type>
  bool pointer = false;  // presence kept
  bool always = false;   // written even when empty
  bool inlined = false;
  bool required = false;
  bool immutable = false;
  bool default_struct = false;
  std::optional<Json> default_value;
  std::string patch_strategy;
  std::string patch_merge_key;
  ListType list_type = ListType::kAtomic;
  std::vector<std::string> list_map_keys;
  bool map_atomic = false;
  std::vector<std::string> enum_values;
  std::string format;
  std::optional<int64_t> minimum;
  std::optional<int64_t> maximum;
  bool duplicates = false;  // of a list's keys
  bool index = false;       // objects are found by it
  // Beside or instead of the general words.
  std::string required_message, range_message, enum_message;
};

struct Message {
  std::string name;  // "k8s.io.api.core.v1.PodSpec"
  std::string comment;
  Form form = Form::kStruct;
  bool one_of = false;
  std::vector<Field> fields;  // in upstream's (declaration = JSON output) order
  bool has_defaults = false;  // in it or below
  // Lookup by JSON key, through inlined messages too; null when unknown.
  const Field* find(std::string_view json_key) const;
  const Field* find_number(uint32_t number) const;

  std::unordered_map<std::string_view, const Field*> by_json;
  std::unordered_map<uint32_t, const Field*> by_number;
};

struct Column {
  std::string name, type, format, description, source;
  int32_t priority = 0;
  std::string empty;           // stands for a text that is absent
  bool numeric = false;        // written as a number, whatever the type says
  bool labels = false;         // leads to a map of texts
  cells::Cell cell = nullptr;  // of a source with '@'
};

struct Subresource {
  std::string name;
  std::vector<std::string> verbs;
  std::string group, version, kind;  // empty: the parent's
};

// A selectable field by whose value objects are found.
struct IndexedField {
  std::string path;               // "spec.nodeName"
  std::vector<uint32_t> numbers;  // of the protobuf fields that lead to it
};

// Of objects that are kept in memory alone.
struct Volatility {
  int64_t time_to_live_seconds = 0;  // since the last write
  int64_t most = 16'384;             // objects
  int64_t most_bytes = 64 << 20;
};

// A kind the API serves.
struct Kind {
  std::string group, version, kind, list_kind, plural, singular;
  bool namespaced = false;
  bool generation = false;
  std::vector<std::string> short_names, categories, verbs;
  std::vector<Subresource> subresources;
  std::vector<Column> columns;
  std::vector<std::string> selectable_fields;
  std::shared_ptr<const std::vector<std::string>>
      selectable_paths;               // the same by name, shared with what is read by them
  std::vector<IndexedField> indexes;  // of these
  std::string name_format;
  int32_t group_priority = 0;
  bool never_owner = false;
  std::string warning;                   // of who creates one
  std::string deprecated;                // what is said of that with each answer; empty: it is not
  std::optional<Volatility> volatility;  // none: its objects are on disk
  const Message* message = nullptr;
  const Message* list_message = nullptr;
  const Behavior* behavior = &kNothingSpecial;  // never null
  // The version in which its objects are stored: mostly itself. The conversions are the behaviour's.
  const Kind* storage = nullptr;
  // Kinds that may not own objects, of the built-in tree; set once the tree is built.
  const std::vector<const Kind*>* never_owners = nullptr;
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  const Subresource* subresource(std::string_view name) const;
  bool has_verb(std::string_view verb) const;
};

class Tree;

// What is served at one moment. Immutable; what it gives out lives as long as it. [any-thread]
class Schema {
 public:
  // The built-in kinds, with what is special about them (core/kinds has it). Fails only when the embedded descriptor
  // set is broken, or a behaviour belongs to no kind of it.
  static Expected<std::shared_ptr<const Schema>> builtin(Behaviors behaviors);
  // The kinds of these trees, of which the first is the built-in one.
  Schema(std::vector<std::shared_ptr<const Tree>> trees, uint64_t generation);

  const Kind* find_kind(std::string_view group, std::string_view version, std::string_view kind) const;
  const Kind* find_resource(std::string_view group, std::string_view version, std::string_view plural) const;
  const Message* find_message(std::string_view full_name) const;
  // Kinds in discovery order: core group first.
  const std::vector<const Kind*>& kinds() const { return kinds_; }
  // Which of the registry's moments this is.
  uint64_t generation() const { return generation_; }

 private:
  const std::vector<std::shared_ptr<const Tree>> trees_;
  const uint64_t generation_;
  std::vector<const Kind*> kinds_;
  std::vector<const Kind*> by_resource_;  // sorted by plural, group, version
};
using SchemaPtr = std::shared_ptr<const Schema>;

}  // namespace gantry::schema
