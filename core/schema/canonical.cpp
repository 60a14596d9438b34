// Owns the walk that checks a parsed document against the tree and makes it canonical in place.
// Called by codec.cpp, on any thread.
#include "core/schema/canonical.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include "core/schema/text.hpp"
#include "core/schema/times.hpp"
#include "core/schema/values.hpp"

namespace gantry::schema {
namespace {

std::string number_text(const Json& value) {
  if (const int64_t* i = value.if_int64()) return std::to_string(*i);
  if (const uint64_t* u = value.if_uint64()) return std::to_string(*u);
  char buffer[40];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value.get_double()).ptr;
  return std::string(buffer, end);
}

std::string_view kind_word(const Json& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "bool";
    case boost::json::kind::string:
      return "string";
    case boost::json::kind::array:
      return "array";
    case boost::json::kind::object:
      return "object";
    default:
      return "number";
  }
}

std::string go_scalar(const Field& field) {
  switch (field.type) {
    case FieldType::kMessage:
      return go_type(*field.message);
    case FieldType::kString:
      return "string";
    case FieldType::kBool:
      return "bool";
    case FieldType::kInt32:
      return "int32";
    case FieldType::kInt64:
      return "int64";
    case FieldType::kDouble:
      return "float64";
    case FieldType::kBytes:
      return "[]uint8";
  }
  return "string";
}

std::string go_field(const Field& field) {
  if (field.map) return "map[string]" + go_scalar(field);
  if (field.repeated) return "[]" + go_scalar(field);
  return go_scalar(field);
}

Status type_error(const Message& owner, const Path& path, std::string_view got, std::string_view wanted) {
  return Status::bad_request("json: cannot unmarshal " + std::string(got) + " into Go struct field " +
                             std::string(short_name(owner)) + "." + path.go_text() + " of type " + std::string(wanted));
}

Status value_error(std::string_view got, std::string_view wanted) {
  return Status::bad_request("json: cannot unmarshal " + std::string(got) + " into Go value of type " +
                             std::string(wanted));
}

bool finite(const Json& value) {
  if (const double* d = value.if_double()) return std::isfinite(*d);
  if (const auto* array = value.if_array()) {
    for (const Json& item : *array) {
      if (!finite(item)) return false;
    }
  }
  if (const auto* object = value.if_object()) {
    for (const auto& item : *object) {
      if (!finite(item.value())) return false;
    }
  }
  return true;
}

class Walker {
 public:
  explicit Walker(const DecodeOptions& options) : options_(options) {}

  Status object(const Message& message, boost::json::object& object, const Path* at, size_t depth, bool typed) {
    if (depth > options_.max_depth) return Status::bad_request("json: exceeded max depth");
    for (size_t i = 0; i < object.size();) {
      auto it = object.begin() + static_cast<std::ptrdiff_t>(i);
      Path path{at, it->key(), 0};
      const Field* field = message.find(it->key());
      if (field == nullptr) {
        if (typed && (path.key == "kind" || path.key == "apiVersion")) {
          if (it->value().is_null()) {
            object.erase(it);
            continue;
          }
          if (!it->value().is_string()) return type_error(message, path, kind_word(it->value()), "string");
          ++i;
          continue;
        }
        if (options_.problems != nullptr) options_.problems->push_back("unknown field \"" + path.text() + "\"");
        object.erase(it);
        continue;
      }
      if (it->value().is_null()) {
        object.erase(it);
        continue;
      }
      bool items = typed && field->repeated && path.key == "items";
      auto kept = value(message, *field, it->value(), path, depth, items);
      if (!kept) return std::move(kept).error();
      if (*kept == Kept::kDrop) {
        object.erase(it);
      } else {
        ++i;
      }
    }
    return {};
  }

 private:
  Expected<Kept> value(const Message& owner, const Field& field, Json& value, const Path& path, size_t depth,
                       bool items) {
    if (field.map) return map(owner, field, value, path, depth);
    if (field.repeated) return list(owner, field, value, path, depth, items);
    auto kept = scalar(owner, field, value, path, depth, false);
    if (!kept || field.pointer || field.always) return kept;
    return kept;
  }

  Expected<Kept> map(const Message& owner, const Field& field, Json& value, const Path& path, size_t depth) {
    auto* object = value.if_object();
    if (object == nullptr) return type_error(owner, path, kind_word(value), go_field(field));
    for (auto& entry : *object) {
      if (entry.value().is_null()) {
        entry.value() = zero_element(field);
        continue;
      }
      Path inner{&path, entry.key(), 0};
      auto kept = scalar(owner, field, entry.value(), inner, depth + 1, false);
      if (!kept) return kept;
    }
    return object->empty() && !field.always && !field.pointer ? Kept::kDrop : Kept::kKeep;
  }

  Expected<Kept> list(const Message& owner, const Field& field, Json& value, const Path& path, size_t depth,
                      bool items) {
    auto* array = value.if_array();
    if (array == nullptr) return type_error(owner, path, kind_word(value), go_field(field));
    for (size_t i = 0; i < array->size(); ++i) {
      Json& item = (*array)[i];
      if (item.is_null()) {
        item = zero_element(field);
        continue;
      }
      Path inner{&path, {}, i};
      auto kept = scalar(owner, field, item, inner, depth + 1, items);
      if (!kept) return kept;
    }
    return array->empty() && !field.always && !field.pointer ? Kept::kDrop : Kept::kKeep;
  }

  // One value; Drop says it is empty, which lists and maps ignore.
  Expected<Kept> scalar(const Message& owner, const Field& field, Json& value, const Path& path, size_t depth,
                        bool typed) {
    bool stays = field.pointer || field.always;
    auto kept = [&](bool empty) { return empty && !stays ? Kept::kDrop : Kept::kKeep; };
    switch (field.type) {
      case FieldType::kString: {
        const auto* text = value.if_string();
        if (text == nullptr) return type_error(owner, path, kind_word(value), "string");
        return kept(text->empty());
      }
      case FieldType::kBool:
        if (!value.is_bool()) return type_error(owner, path, kind_word(value), "bool");
        return kept(!value.get_bool());
      case FieldType::kInt32:
      case FieldType::kInt64:
        return integer(owner, field, value, path, kept);
      case FieldType::kDouble:
        if (!value.is_number()) return type_error(owner, path, kind_word(value), "float64");
        return kept(value.to_number<double>() == 0);
      case FieldType::kBytes: {
        const auto* text = value.if_string();
        if (text == nullptr) return type_error(owner, path, kind_word(value), "[]uint8");
        std::string bytes;
        if (!base64_decode(*text, bytes)) {
          return Status::bad_request("illegal base64 data in " + path.text());
        }
        if (text->find('\n') != std::string_view::npos || text->find('\r') != std::string_view::npos) {
          value = base64_encode(bytes);
        }
        return kept(bytes.empty());
      }
      case FieldType::kMessage:
        break;
    }
    if (field.message->form != Form::kStruct) {
      auto result = canonical_form(*field.message, value);
      if (!result) return result;
      // A zero time is null whatever the field is.
      bool time = field.message->form == Form::kTime || field.message->form == Form::kMicroTime;
      return *result == Kept::kDrop && (time || !stays) ? Kept::kDrop : Kept::kKeep;
    }
    auto* inner = value.if_object();
    if (inner == nullptr) return type_error(owner, path, kind_word(value), go_scalar(field));
    Status status = object(*field.message, *inner, &path, depth + 1, typed);
    if (!status.ok()) return status;
    return kept(inner->empty());
  }

  template <typename KeptOf>
  Expected<Kept> integer(const Message& owner, const Field& field, Json& value, const Path& path, KeptOf kept) {
    bool wide = field.type == FieldType::kInt64;
    std::string_view wanted = wide ? "int64" : "int32";
    if (!value.is_number()) return type_error(owner, path, kind_word(value), wanted);
    const int64_t* number = value.if_int64();
    bool fits =
        number != nullptr &&
        (wide || (*number >= std::numeric_limits<int32_t>::min() && *number <= std::numeric_limits<int32_t>::max()));
    if (!fits) return type_error(owner, path, "number " + number_text(value), wanted);
    return kept(*number == 0);
  }

  const DecodeOptions& options_;
};

Expected<Kept> canonical_int_or_string(Json& value) {
  if (value.is_string()) return Kept::kKeep;
  if (!value.is_number()) return value_error(kind_word(value), "int32");
  const int64_t* number = value.if_int64();
  if (number == nullptr || *number < std::numeric_limits<int32_t>::min() ||
      *number > std::numeric_limits<int32_t>::max()) {
    return value_error("number " + number_text(value), "int32");
  }
  return *number == 0 ? Kept::kDrop : Kept::kKeep;
}

Expected<Kept> canonical_quantity(Json& value) {
  std::string text;
  if (const auto* string = value.if_string()) {
    text = std::string(*string);
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.erase(0, 1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.pop_back();
  } else if (value.is_number()) {
    text = number_text(value);
  } else {
    text = value.is_bool() ? "true" : "{";  // what upstream's parser would be handed: no quantity
  }
  auto quantity = Quantity::parse(text);
  if (!quantity) return std::move(quantity).error();
  std::string spelling = quantity->to_string();
  const auto* old = value.if_string();
  if (old == nullptr || std::string_view(*old) != spelling) value = spelling;
  return Kept::kKeep;
}

Expected<Kept> canonical_time(Json& value, int digits) {
  const auto* text = value.if_string();
  if (text == nullptr) return value_error(kind_word(value), "string");
  auto moment = parse_moment(*text);
  if (!moment) return std::move(moment).error();
  if (moment->is_zero()) return Kept::kDrop;
  std::string spelling = format_moment(*moment, digits);
  if (std::string_view(*text) != spelling) value = spelling;
  return Kept::kKeep;
}

Expected<Kept> canonical_list(Json& value) {
  const auto* array = value.if_array();
  if (array == nullptr) return value_error(kind_word(value), "[]string");
  for (const Json& item : *array) {
    if (!item.is_string()) return value_error(kind_word(item), "string");
  }
  return array->empty() ? Kept::kDrop : Kept::kKeep;
}

}  // namespace

std::string Path::text() const {
  std::string out = up != nullptr ? up->text() : std::string();
  if (key.empty()) return out + "[" + std::to_string(index) + "]";
  if (!out.empty()) out += '.';
  return out.append(key);
}

std::string Path::go_text() const {
  std::string out = up != nullptr ? up->go_text() : std::string();
  if (key.empty()) return out;
  if (!out.empty()) out += '.';
  return out.append(key);
}

std::string_view short_name(const Message& message) {
  std::string_view name = message.name;
  return name.substr(name.rfind('.') + 1);
}

std::string go_type(const Message& message) {
  std::string_view name = message.name;
  size_t last = name.rfind('.');
  if (last == std::string_view::npos || last == 0) return message.name;
  size_t before = name.rfind('.', last - 1);
  return std::string(name.substr(before == std::string_view::npos ? 0 : before + 1));
}

Expected<Kept> canonical_form(const Message& message, Json& value) {
  switch (message.form) {
    case Form::kTime:
      return canonical_time(value, 0);
    case Form::kMicroTime:
      return canonical_time(value, 6);
    case Form::kQuantity:
      return canonical_quantity(value);
    case Form::kIntOrString:
      return canonical_int_or_string(value);
    case Form::kRawJson:
      if (!finite(value)) return value_error("number", "float64");
      return Kept::kKeep;
    case Form::kDuration: {
      const auto* text = value.if_string();
      if (text == nullptr) return value_error(kind_word(value), "string");
      auto nanos = parse_duration(*text);
      if (!nanos) return std::move(nanos).error();
      value = format_duration(*nanos);
      return *nanos == 0 ? Kept::kDrop : Kept::kKeep;
    }
    case Form::kList:
      return canonical_list(value);
    case Form::kStruct:
      break;
  }
  return Kept::kKeep;
}

Json zero_element(const Field& field) {
  switch (field.type) {
    case FieldType::kString:
      return "";
    case FieldType::kBool:
      return false;
    case FieldType::kInt32:
    case FieldType::kInt64:
      return 0;
    case FieldType::kDouble:
      return 0.0;
    case FieldType::kBytes:
      return nullptr;
    case FieldType::kMessage:
      break;
  }
  switch (field.message->form) {
    case Form::kStruct:
      return boost::json::object();
    case Form::kQuantity:
      return "0";
    case Form::kIntOrString:
      return 0;
    case Form::kDuration:
      return "0s";
    default:
      return nullptr;
  }
}

Status canonicalize_in_place(const Message& message, Json& document, const DecodeOptions& options) {
  auto* object = document.if_object();
  if (object == nullptr) return value_error(kind_word(document), go_type(message));
  return Walker(options).object(message, *object, nullptr, 1, true);
}

Status unhandled(const Message& message, std::string_view api_version, std::string_view kind, std::string_view why,
                 std::string_view body) {
  std::string target(short_name(message));
  if (!kind.empty()) {
    std::string_view version =
        api_version.substr(api_version.find('/') == std::string_view::npos ? 0 : api_version.find('/') + 1);
    return Status::bad_request(std::string(kind) + " in version " + quoted(version) + " cannot be handled as a " +
                               target + ": " + std::string(why));
  }
  constexpr size_t kShown = 30;
  std::string summary;
  if (body.empty()) {
    summary = "<empty>";
  } else if (body.front() == '{' && valid_utf8(body.substr(0, kShown))) {
    summary = std::string(body.substr(0, kShown));
  } else {
    constexpr std::string_view kHex = "0123456789abcdef";
    for (char c : body.substr(0, kShown)) {
      summary += kHex[static_cast<uint8_t>(c) >> 4];
      summary += kHex[static_cast<uint8_t>(c) & 15];
    }
  }
  if (body.size() > kShown) summary += " ...";
  return Status::bad_request("the object provided is unrecognized (must be of type " + target +
                             "): " + std::string(why) + " (" + summary + ")");
}

}  // namespace gantry::schema
