// Owns the walk that checks a parsed document against the tree and makes it canonical in place.
// Called by codec.cpp, on any thread.
#include "core/schema/codec/canonical.hpp"

#include <limits>

#include "core/schema/patch/json_edit.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

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

// As upstream's converter of maps names it, which reads no text.
std::string conversion_error(const Json& value, std::string_view wanted) {
  const std::string_view got = value.is_string()   ? "string"
                               : value.is_bool()   ? "bool"
                               : value.is_double() ? "float64"
                               : value.is_object() ? "map"
                               : value.is_array()  ? "slice"
                                                   : "int64";
  const auto say = [](std::string_view what, std::string_view of) { return std::string(what).append(of); };
  if (wanted.starts_with("map[")) return say("cannot restore map from ", got);
  if (wanted.starts_with("[]")) return say("cannot restore slice from ", got);
  if (wanted.find('.') != std::string_view::npos) return say("cannot restore struct from: ", got);
  const bool near = got == "int64" ? wanted != "bool" : got == "float64" && wanted.starts_with("int");
  return near ? say("cannot convert ", got).append(" to ").append(wanted) : say("unrecognized type: ", wanted);
}

// Whether a list is of objects that could be served by themselves, and say what they are: claims in a StatefulSet.
bool holds_objects(const Field& field) {
  const Message* message = field.message;
  return message != nullptr && message->form == Form::kStruct && message->find("metadata") != nullptr &&
         message->find("status") != nullptr;
}

class Walker {
 public:
  // With `misfits` values of wrong types are left out, told and counted there; else they are errors.
  Walker(size_t max_depth, Problems& problems, size_t* misfits = nullptr)
      : max_depth_(max_depth), problems_(problems), misfits_(misfits) {}
  // Tells wrong types as upstream's converter does.
  void convert() { converts_ = true; }

  Status object(const Message& message, boost::json::object& object, const Path* at, size_t depth, bool typed) {
    if (depth > max_depth_) return exceeded();
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
          if (!it->value().is_string()) return type_error(message, path, it->value(), "string");
          ++i;
          continue;
        }
        problems_.add([&] { return "unknown field \"" + path.text() + "\""; });
        object.erase(it);
        continue;
      }
      if (it->value().is_null()) {
        object.erase(it);
        continue;
      }
      bool items = field->repeated && ((typed && path.key == "items") || holds_objects(*field));
      auto kept = value(message, *field, it->value(), path, depth, items);
      if (!kept && misfits_ == nullptr) return std::move(kept).error();
      if (!kept) {
        ++*misfits_;
        problems_.add([&] { return "left out what no longer fits: " + kept.error().message(); });
      }
      if (!kept || *kept == Kept::kDrop) {
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
    if (object == nullptr) return type_error(owner, path, value, go_field(field));
    for (auto& entry : *object) {
      if (entry.value().is_null()) {
        entry.value() = zero_element(field);
        continue;
      }
      Path inner{&path, entry.key(), 0};
      auto kept = scalar(owner, field, entry.value(), inner, depth + 1, false);
      if (!kept) return kept;
    }
    return object->empty() && !field.pointer ? Kept::kDrop : Kept::kKeep;
  }

  Expected<Kept> list(const Message& owner, const Field& field, Json& value, const Path& path, size_t depth,
                      bool items) {
    auto* array = value.if_array();
    if (array == nullptr) return type_error(owner, path, value, go_field(field));
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
    // None says whether there was an empty list or none: what is always written, is then null.
    return array->empty() && !field.pointer ? Kept::kDrop : Kept::kKeep;
  }

  // One value; Drop says it is empty, which lists and maps ignore.
  Expected<Kept> scalar(const Message& owner, const Field& field, Json& value, const Path& path, size_t depth,
                        bool typed) {
    bool stays = field.pointer || field.always;
    auto kept = [&](bool empty) { return empty && !stays ? Kept::kDrop : Kept::kKeep; };
    switch (field.type) {
      case FieldType::kString: {
        const auto* text = value.if_string();
        if (text == nullptr) return type_error(owner, path, value, "string");
        return kept(text->empty());
      }
      case FieldType::kBool:
        if (!value.is_bool()) return type_error(owner, path, value, "bool");
        return kept(!value.get_bool());
      case FieldType::kInt32:
      case FieldType::kInt64:
        return integer(owner, field, value, path, kept);
      case FieldType::kDouble:
        if (!value.is_number()) return type_error(owner, path, value, "float64");
        return kept(value.to_number<double>() == 0);
      case FieldType::kBytes: {
        const auto* text = value.if_string();
        if (text == nullptr) return type_error(owner, path, value, "[]uint8");
        std::string bytes;
        if (!base64_decode(*text, bytes)) {
          return Status::bad_request("illegal base64 data at input byte " + std::to_string(base64_error(*text)));
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
      if (field.message->form == Form::kRawJson && deeper_than(value, max_depth_ - std::min(depth, max_depth_))) {
        return exceeded();
      }
      auto result = canonical_form(*field.message, value);
      if (!result) return result;
      // A zero time is null whatever the field is.
      bool time = field.message->form == Form::kTime || field.message->form == Form::kMicroTime;
      return *result == Kept::kDrop && (time || !stays) ? Kept::kDrop : Kept::kKeep;
    }
    auto* inner = value.if_object();
    if (inner == nullptr) return type_error(owner, path, value, go_scalar(field));
    Status status = object(*field.message, *inner, &path, depth + 1, typed);
    if (!status.ok()) return status;
    return kept(inner->empty());
  }

  template <typename KeptOf>
  Expected<Kept> integer(const Message& owner, const Field& field, Json& value, const Path& path, KeptOf kept) {
    bool wide = field.type == FieldType::kInt64;
    std::string_view wanted = wide ? "int64" : "int32";
    if (!value.is_number()) return type_error(owner, path, value, wanted);
    const int64_t* number = value.if_int64();
    bool fits =
        number != nullptr &&
        (wide || (*number >= std::numeric_limits<int32_t>::min() && *number <= std::numeric_limits<int32_t>::max()));
    if (!fits && !converts_) return type_error(owner, path, "number " + number_text(value), wanted);
    if (!fits) return type_error(owner, path, value, wanted);
    return kept(*number == 0);
  }

  Status type_error(const Message& owner, const Path& path, const Json& value, std::string_view wanted) const {
    if (converts_) return Status::bad_request(conversion_error(value, wanted));
    return type_error(owner, path, kind_word(value), wanted);
  }
  static Status type_error(const Message& owner, const Path& path, std::string_view got, std::string_view wanted) {
    return Status::bad_request("json: cannot unmarshal " + std::string(got) + " into Go struct field " +
                               std::string(short_name(owner)) + "." + path.go_text() + " of type " +
                               std::string(wanted));
  }
  static Status exceeded() { return Status::bad_request("json: exceeded max depth"); }

  const size_t max_depth_;
  Problems& problems_;
  size_t* const misfits_;
  bool converts_ = false;
};

}  // namespace

std::string Path::text() const {
  std::string out = up != nullptr ? up->text() : std::string();
  if (key.empty()) return out + "[" + std::to_string(index) + "]";
  if (!out.empty()) out += '.';
  return out.append(cut(key, kLongestName));
}

std::string Path::go_text() const {
  std::string out = up != nullptr ? up->go_text() : std::string();
  if (key.empty()) return out;
  if (!out.empty()) out += '.';
  return out.append(cut(key, kLongestName));
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
      return "";  // upstream keeps it as protobuf, which has no null
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

Status canonicalize_in_place(const Message& message, Json& document, const DecodeOptions& options, Problems& problems) {
  auto* object = document.if_object();
  if (object == nullptr) return value_error(kind_word(document), go_type(message));
  Walker walker(options.max_depth, problems);
  if (options.converted) walker.convert();
  return walker.object(message, *object, nullptr, 1, true);
}

size_t drop_misfits(const Message& message, Json& document, Problems& problems) {
  size_t misfits = 0;
  auto* object = document.if_object();
  if (object == nullptr) return misfits;
  // What is wrong with the object itself, not with a value in it, stays.
  (void)Walker(kMaxDepth, problems, &misfits).object(message, *object, nullptr, 1, true);
  return misfits;
}

Status unhandled(const Message& message, std::string_view api_version, std::string_view kind, std::string_view reason,
                 std::string_view body) {
  constexpr size_t kLongestReason = 1024;
  const std::string why = cut(reason, kLongestReason);
  std::string target(short_name(message));
  if (!kind.empty()) {
    std::string_view version =
        api_version.substr(api_version.find('/') == std::string_view::npos ? 0 : api_version.find('/') + 1);
    return Status::bad_request(cut(kind, kLongestName) + " in version " + quoted(cut(version, kLongestName)) +
                               " cannot be handled as a " + target + ": " + why);
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
  return Status::bad_request("the object provided is unrecognized (must be of type " + target + "): " + why + " (" +
                             summary + ")");
}

}  // namespace gantry::schema
