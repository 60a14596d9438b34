// The schema tree: what the .proto files and their options say, as the machinery reads it.
//
// A Schema is built at start from the embedded descriptor set, and extended by the sets that plugins bring; it is read
// from any thread. Codecs, defaulting, validation, patches, tables and OpenAPI are functions over it and a JSON
// document, so that a kind that comes from elsewhere takes the same path. What it gives out (Kind, Message, Field,
// kinds()) lives as long as it does, also when the kind is no longer served.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/schema/behavior.hpp"
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
  // Beside or instead of the general words.
  std::string required_message, range_message, enum_message;
};

struct Message {
  std::string name;  // "k8s.io.api.core.v1.PodSpec"
  std::string comment;
  Form form = Form::kStruct;
  bool one_of = false;
  std::vector<Field> fields;  // in upstream's (declaration = JSON output) order
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

// A kind the API serves.
struct Kind {
  std::string group, version, kind, list_kind, plural, singular;
  bool namespaced = false;
  bool generation = false;
  std::vector<std::string> short_names, categories, verbs;
  std::vector<Subresource> subresources;
  std::vector<Column> columns;
  std::vector<std::string> selectable_fields;
  std::string name_format;
  int32_t group_priority = 0;
  bool never_owner = false;
  const Message* message = nullptr;
  const Message* list_message = nullptr;
  const Behavior* behavior = nullptr;  // never null once the tree is built
  // Kinds that may not own objects, of the built-in tree.
  const std::vector<const Kind*>* never_owners = nullptr;
  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  const Subresource* subresource(std::string_view name) const;
  bool has_verb(std::string_view verb) const;
};

class Schema {
 public:
  // The built-in kinds, with what is special about them (core/kinds has it). Fails only when the embedded descriptor
  // set is broken, or a behaviour belongs to no kind of it.
  static Expected<std::unique_ptr<Schema>> builtin(Behaviors behaviors);
  virtual ~Schema() = default;

  virtual const Kind* find_kind(std::string_view group, std::string_view version, std::string_view kind) const = 0;
  virtual const Kind* find_resource(std::string_view group, std::string_view version,
                                    std::string_view plural) const = 0;
  virtual const Message* find_message(std::string_view full_name) const = 0;
  // Kinds in discovery order: core group first.
  virtual const std::vector<const Kind*>& kinds() const = 0;
  // Counts the changes of kinds().
  virtual uint64_t generation() const = 0;

  // From now on the kinds of `owner` are those of this FileDescriptorSet, which may use the built-in messages; its
  // earlier ones are no longer served. Owners may bring the same set; its kinds are then served for as long as one of
  // them has it. An error names what is wrong with the set, and changes nothing. [any-thread]
  virtual Status extend(std::string_view owner, std::string_view descriptors) = 0;
  // The kinds of `owner` are no longer served. [any-thread]
  virtual void withdraw(std::string_view owner) = 0;
  // The set that the owner's kinds come from; empty: it has none. [any-thread]
  virtual std::string extension(std::string_view owner) const = 0;
};

}  // namespace gantry::schema
