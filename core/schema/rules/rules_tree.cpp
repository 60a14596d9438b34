// Owns the checks that the schema's options alone describe: required, enumerations, ranges, formats, unique keys,
// immutable. They apply to any kind. Pure functions, any thread.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <set>

#include "core/schema/rules/validation.hpp"
#include "core/schema/values/same_json.hpp"

namespace gantry::schema {
namespace {

bool is_metadata(const Message& message) { return message.name.ends_with(".ObjectMeta"); }

bool is_missing(const Field& field, const Json* value) {
  if (value == nullptr || value->is_null()) return true;
  if (const auto* text = value->if_string()) return text->empty();
  if (const auto* list = value->if_array()) return list->empty();
  if (const int64_t* number = value->if_int64()) return *number == 0 && !field.minimum && field.message == nullptr;
  return false;
}

std::string range_text(const Field& field) {
  if (!field.range_message.empty()) return field.range_message;
  if (field.minimum && field.maximum) return inclusive_range(*field.minimum, *field.maximum);
  if (field.maximum) return "must be less than or equal to " + std::to_string(*field.maximum);
  if (*field.minimum == 1) return "must be greater than 0";
  return "must be greater than or equal to " + std::to_string(*field.minimum);
}

void check_number(const Field& field, int64_t number, const At& at, Errors& errors) {
  bool below = field.minimum && number < *field.minimum, above = field.maximum && number > *field.maximum;
  if (below || above) errors.invalid(at, "", number, range_text(field));
  if (field.format == "port-number" && (number < 1 || number > 65535)) {
    errors.invalid(at, "", number, inclusive_range(1, 65535));
  }
}

void check_text(const Field& field, std::string_view text, const At& at, Errors& errors) {
  if (!field.enum_values.empty() && (!text.empty() || (field.pointer && !field.required))) {
    bool known = std::find(field.enum_values.begin(), field.enum_values.end(), text) != field.enum_values.end();
    if (!known && !field.enum_message.empty()) {
      errors.invalid(at, "", Json(text), field.enum_message);
    } else if (!known) {
      errors.not_supported(at, "", text, field.enum_values);
    }
  }
  // A pointer to the empty name is a name that is no name.
  if (!field.format.empty() && (!text.empty() || field.pointer)) errors.format(at, "", field.format, text);
}

void check_special(const Field& field, const Json& value, const At& at, Errors& errors) {
  if (field.format.empty()) return;
  if (const int64_t* number = value.if_int64()) {
    check_number(field, *number, at, errors);
  } else if (const auto* text = value.if_string()) {
    if (field.message->form == Form::kQuantity) {
      for (const std::string& problem : format_problems(field.format, *text)) errors.invalid(at, "", value, problem);
    } else {
      // IntOrString: the text is the name of a port.
      errors.format(at, "", field.format == "port-number" ? std::string_view("port-name") : field.format, *text);
    }
  }
}

void check_one(const Field& field, const Json& value, const At& at, Errors& errors) {
  if (field.message != nullptr) {
    if (field.message->form != Form::kStruct) return check_special(field, value, at, errors);
    const auto* object = value.if_object();
    if (object != nullptr && !is_metadata(*field.message)) check_fields(*field.message, *object, at, errors);
  } else if (const auto* text = value.if_string()) {
    if (field.type == FieldType::kString) check_text(field, *text, at, errors);
  } else if (const int64_t* number = value.if_int64()) {
    check_number(field, *number, at, errors);
  }
}

void check_unique(const Field& field, const JsonArray& list, const At& at, Errors& errors) {
  if (field.list_type == ListType::kAtomic || field.duplicates || list.size() < 2) return;
  std::set<std::string_view> texts;
  std::set<std::string> others;
  const auto seen = [&](const Json& value) {
    if (const auto* text = value.if_string()) return !texts.insert(*text).second;
    return !others.insert(boost::json::serialize(value)).second;
  };
  for (size_t i = 0; i < list.size(); ++i) {
    const Json* key = &list[i];
    bool one_key = field.list_type == ListType::kMap && field.list_map_keys.size() == 1;
    if (field.list_type == ListType::kMap) {
      const auto* object = list[i].if_object();
      if (object == nullptr || !one_key) continue;
      key = get(*object, field.list_map_keys.front());
      if (key == nullptr) continue;
    }
    if (!seen(*key)) continue;
    At item = at.child(field.json, i);
    errors.duplicate(item, one_key ? std::string_view(field.list_map_keys.front()) : std::string_view(), *key);
  }
}

void check_value(const Field& field, const Json& value, const At& at, Errors& errors) {
  if (field.repeated) {
    const auto* list = value.if_array();
    if (list == nullptr) return;
    for (size_t i = 0; i < list->size(); ++i) check_one(field, (*list)[i], at.child(field.json, i), errors);
    check_unique(field, *list, at, errors);
  } else if (field.map) {
    const auto* map = value.if_object();
    if (map == nullptr) return;
    for (const auto& entry : *map) check_one(field, entry.value(), at.key(field.json, entry.key()), errors);
  } else {
    check_one(field, value, at.child(field.json), errors);
  }
}

void check_required(const Message& message, const JsonObject& object, const At& at, Errors& errors) {
  for (const Field& field : message.fields) {
    if (field.inlined && field.message != nullptr) {
      check_required(*field.message, object, at, errors);
    } else if (field.required && is_missing(field, object.if_contains(field.json))) {
      errors.required(at, field.json, field.required_message);
    }
  }
}

// A number that is missing has been named already, so that its range is not named too.
bool named_missing(const Field& field, const Json& value) {
  return field.required && value.is_int64() && is_missing(field, &value);
}

}  // namespace

void check_fields(const Message& message, const JsonObject& object, const At& at, Errors& errors) {
  check_required(message, object, at, errors);
  for (const auto& entry : object) {
    const Field* field = message.find(entry.key());
    if (field == nullptr || entry.value().is_null() || named_missing(*field, entry.value())) continue;
    check_value(*field, entry.value(), at, errors);
  }
}

void check_field(const Field& field, const JsonObject& object, const At& at, Errors& errors) {
  const Json* value = get(object, field.json);
  if (field.required && is_missing(field, value)) return errors.required(at, field.json, field.required_message);
  if (value != nullptr) check_value(field, *value, at, errors);
}

void check_immutable(const Field& field, const JsonObject& object, const JsonObject& old, const At& at,
                     Errors& errors) {
  static const Json kAbsent;
  const Json* now = get(object, field.json);
  const Json* before = get(old, field.json);
  if (field.immutable) {
    const Json& left = now != nullptr ? *now : kAbsent;
    const Json& right = before != nullptr ? *before : kAbsent;
    if (!same_json(left, right)) errors.invalid(at, field.json, left, "field is immutable");
    return;
  }
  // Lists and maps have no fixed partner to compare an element with.
  if (field.message == nullptr || field.repeated || field.map || field.message->form != Form::kStruct) return;
  if (is_metadata(*field.message)) return;
  if (field.inlined) {
    for (const Field& inner : field.message->fields) check_immutable(inner, object, old, at, errors);
    return;
  }
  if (now == nullptr || before == nullptr || !now->is_object() || !before->is_object()) return;
  At here = at.child(field.json);
  for (const Field& inner : field.message->fields) {
    check_immutable(inner, now->get_object(), before->get_object(), here, errors);
  }
}

}  // namespace gantry::schema
