// Owns defaulting: the constants that the schema's options name, put in by one walk, between the two steps of the
// kind's own. Called on each create and update, on any thread.
#include <algorithm>

#include "core/schema/codec/codec.hpp"
#include "core/schema/patch/json_edit.hpp"
#include "core/schema/rules/rules.hpp"
#include "core/schema/values/counted.hpp"
#include "core/schema/values/json_access.hpp"

namespace gantry::schema {
namespace {

bool is_zero(const Json& value) {
  if (const auto* text = value.if_string()) return text->empty();
  if (const int64_t* number = value.if_int64()) return *number == 0;
  if (const bool* flag = value.if_bool()) return !*flag;
  return value.is_null();
}

class ConstantDefaults {
 public:
  // False: it would get deeper than a document may be.
  bool apply(const Message& message, JsonObject& object, size_t depth) {
    if (depth > kMaxDepth) return false;
    for (const Field& field : message.fields) {
      if (!apply(field, object, depth)) return false;
    }
    return true;
  }

 private:
  bool apply(const Field& field, JsonObject& object, size_t depth) {
    if (field.inlined && field.message != nullptr) return apply(*field.message, object, depth);
    if (field.default_value) {
      const Json* value = object.if_contains(field.json);
      // A zero without presence is the same as absent.
      if (value != nullptr && !value->is_null() && (field.pointer || !is_zero(*value))) return true;
      object[field.json] = *field.default_value;
      return !deeper_than(*field.default_value, kMaxDepth - depth);
    }
    if (field.message == nullptr || field.message->form != Form::kStruct) return true;
    if (field.default_struct) ensure_object(object, field.json);
    if (!field.message->has_defaults) return depth < kMaxDepth || !field.default_struct;
    Json* value = get(object, field.json);
    return value == nullptr || below(field, *value, depth);
  }

  bool below(const Field& field, Json& value, size_t depth) {
    const auto inner = [&](Json& item, size_t at) {
      auto* object = item.if_object();
      return object == nullptr || apply(*field.message, *object, at);
    };
    if (field.repeated) {
      auto* list = value.if_array();
      return list == nullptr || std::all_of(list->begin(), list->end(), [&](Json& i) { return inner(i, depth + 2); });
    }
    if (!field.map) return inner(value, depth + 1);
    auto* map = value.if_object();
    return map == nullptr ||
           std::all_of(map->begin(), map->end(), [&](auto& entry) { return inner(entry.value(), depth + 2); });
  }
};

Status put_defaults(const Kind& kind, Json& document) {
  auto* root = document.if_object();
  if (root == nullptr || kind.message == nullptr) return {};
  const Behavior& behavior = *kind.behavior;
  if (behavior.default_before != nullptr) behavior.default_before(*root);

  if (!ConstantDefaults().apply(*kind.message, *root, 1)) {
    return Status::invalid("with its defaults the object exceeds the maximum depth of " + std::to_string(kMaxDepth));
  }

  if (behavior.default_after != nullptr) behavior.default_after(*root);
  return {};
}

}  // namespace

Status apply_defaults(const Kind& kind, Json& document) {
  return counted([&] { return put_defaults(kind, document); });
}

}  // namespace gantry::schema
