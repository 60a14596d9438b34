// Owns encode_json: documents to the bytes that upstream's server sends. Hot path of every write; any thread.
#include "core/schema/codec/json_write.hpp"

#include <boost/json/serialize.hpp>
#include <charconv>
#include <cmath>

#include "core/schema/codec/canonical.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

using Object = boost::json::object;

template <typename Number>
void append_number(std::string& out, Number number) {
  char buffer[40];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
  out.append(buffer, end);
}

// As Go prints float64: %f in the middle range, %e outside it.
void append_double(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  char buffer[400];
  double size = std::fabs(number);
  bool exponent = size != 0 && (size < 1e-6 || size >= 1e21);
  auto end = std::to_chars(buffer, buffer + sizeof buffer, number,
                           exponent ? std::chars_format::scientific : std::chars_format::fixed)
                 .ptr;
  std::string text(buffer, end);
  // Go writes e-7, not e-07.
  if (exponent) {
    size_t at = text.find("e-0");
    if (at != std::string::npos) text.erase(at + 2, 1);
  }
  out += text;
}

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  size_t* revision_at = nullptr;

  void top(const Message& message, const Object& object, bool hole) {
    out_.push_back('{');
    bool first = true;
    for (std::string_view key : {"kind", "apiVersion"}) {
      const Json* value = object.if_contains(key);
      if (value == nullptr || !value->is_string() || value->get_string().empty()) continue;
      begin(key, first);
      append_json_string(out_, value->get_string());
    }
    hole_ = hole;
    fields(message, &object, first, true);
    out_.push_back('}');
  }

 private:
  void begin(std::string_view key, bool& first) {
    if (!first) out_.push_back(',');
    first = false;
    out_.push_back('"');
    out_.append(key);
    out_.append("\":", 2);
  }

  void fields(const Message& message, const Object* object, bool& first, bool typed) {
    for (const Field& field : message.fields) {
      if (field.inlined && field.message != nullptr) {
        fields(*field.message, object, first, false);
        continue;
      }
      const Json* value = object != nullptr ? object->if_contains(field.json) : nullptr;
      if (in_metadata_ && field.json == "resourceVersion") {
        begin(field.json, first);
        out_.append("\"\"", 2);
        *revision_at = out_.size() - 1;
        in_metadata_ = false;
        continue;
      }
      if (typed && hole_ && field.json == "metadata") {
        hole_ = false;
        begin(field.json, first);
        in_metadata_ = true;
        single(field, value != nullptr ? *value : null_, false);
        in_metadata_ = false;
        continue;
      }
      if (value == nullptr || value->is_null()) {
        if (!field.always) continue;
        begin(field.json, first);
        zero(field);
        continue;
      }
      if (!field.always && !field.pointer && empty_value(*value)) continue;
      begin(field.json, first);
      if (field.map) {
        map(field, *value);
      } else if (field.repeated) {
        list(field, *value, typed && field.json == "items");
      } else {
        single(field, *value, false);
      }
    }
  }

  void zero(const Field& field) {
    if (field.pointer || field.repeated || field.map) {
      out_ += "null";
      return;
    }
    switch (field.type) {
      case FieldType::kString:
        out_ += "\"\"";
        return;
      case FieldType::kBool:
        out_ += "false";
        return;
      case FieldType::kInt32:
      case FieldType::kInt64:
      case FieldType::kDouble:
        out_ += '0';
        return;
      case FieldType::kBytes:
        out_ += "null";
        return;
      case FieldType::kMessage:
        break;
    }
    switch (field.message->form) {
      case Form::kStruct:
        single(field, null_, false);
        return;
      case Form::kQuantity:
        out_ += "\"0\"";
        return;
      case Form::kIntOrString:
        out_ += '0';
        return;
      case Form::kDuration:
        out_ += "\"0s\"";
        return;
      default:
        out_ += "null";
        return;
    }
  }

  void map(const Field& field, const Json& value) {
    const auto* object = value.if_object();
    if (object == nullptr) {
      out_ += "null";
      return;
    }
    std::vector<const boost::json::key_value_pair*> entries;
    entries.reserve(object->size());
    for (const auto& entry : *object) entries.push_back(&entry);
    sort_entries(entries);
    out_.push_back('{');
    bool first = true;
    for (const auto* entry : entries) {
      if (!first) out_.push_back(',');
      first = false;
      append_json_string(out_, entry->key());
      out_.push_back(':');
      single(field, entry->value(), false);
    }
    out_.push_back('}');
  }

  void list(const Field& field, const Json& value, bool typed) {
    const auto* array = value.if_array();
    if (array == nullptr) {
      out_ += "null";
      return;
    }
    out_.push_back('[');
    bool first = true;
    typed = typed || holds_objects(field, *array);
    for (const Json& item : *array) {
      if (!first) out_.push_back(',');
      first = false;
      single(field, item, typed);
    }
    out_.push_back(']');
  }

  // Whose elements say what they are, beside their fields.
  static bool holds_objects(const Field& field, const boost::json::array& list) {
    const Object* object = list.empty() || field.message == nullptr ? nullptr : list.front().if_object();
    return object != nullptr && object->contains("apiVersion") && field.message->find("apiVersion") == nullptr;
  }

  void single(const Field& field, const Json& value, bool typed) {
    if (field.type != FieldType::kMessage || field.message->form != Form::kStruct) {
      append_plain_json(out_, value);
      return;
    }
    const auto* object = value.if_object();
    if (typed && object != nullptr) {
      top(*field.message, *object, false);
      return;
    }
    out_.push_back('{');
    bool first = true;
    fields(*field.message, object, first, false);
    out_.push_back('}');
  }

  std::string& out_;
  bool hole_ = false;
  bool in_metadata_ = false;
  const Json null_;
};

}  // namespace

void sort_entries(std::vector<const boost::json::key_value_pair*>& entries) {
  std::sort(entries.begin(), entries.end(),
            [](const auto* a, const auto* b) { return std::string_view(a->key()) < std::string_view(b->key()); });
}

bool empty_value(const Json& value) {
  switch (value.kind()) {
    case boost::json::kind::null:
      return true;
    case boost::json::kind::bool_:
      return !value.get_bool();
    case boost::json::kind::int64:
      return value.get_int64() == 0;
    case boost::json::kind::uint64:
      return value.get_uint64() == 0;
    case boost::json::kind::double_:
      return value.get_double() == 0;
    case boost::json::kind::string:
      return value.get_string().empty();
    case boost::json::kind::array:
      return value.get_array().empty();
    case boost::json::kind::object:
      return value.get_object().empty();
  }
  return false;
}

void append_plain_json(std::string& out, const Json& value, size_t most) {
  switch (value.kind()) {
    case boost::json::kind::null:
      out += "null";
      return;
    case boost::json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case boost::json::kind::int64:
      append_number(out, value.get_int64());
      return;
    case boost::json::kind::uint64:
      append_number(out, value.get_uint64());
      return;
    case boost::json::kind::double_:
      append_double(out, value.get_double());
      return;
    case boost::json::kind::string:
      append_json_string(out, std::string_view(value.get_string()).substr(0, most));
      return;
    case boost::json::kind::array: {
      out.push_back('[');
      bool first = true;
      for (const Json& item : value.get_array()) {
        if (out.size() >= most) return;
        if (!first) out.push_back(',');
        first = false;
        append_plain_json(out, item, most);
      }
      out.push_back(']');
      return;
    }
    case boost::json::kind::object: {
      std::vector<const boost::json::key_value_pair*> entries;
      for (const auto& entry : value.get_object()) entries.push_back(&entry);
      sort_entries(entries);
      out.push_back('{');
      bool first = true;
      for (const auto* entry : entries) {
        if (out.size() >= most) return;
        if (!first) out.push_back(',');
        first = false;
        append_json_string(out, entry->key());
        out.push_back(':');
        append_plain_json(out, entry->value(), most);
      }
      out.push_back('}');
      return;
    }
  }
}

std::string encode_json(const Message& message, const Json& document, size_t* revision_at) {
  std::string out;
  out.reserve(4096);
  Writer writer(out);
  writer.revision_at = revision_at;
  if (revision_at != nullptr) *revision_at = 0;
  static const Object kNothing;
  const auto* object = document.if_object();
  writer.top(message, object != nullptr ? *object : kNothing, revision_at != nullptr);
  return out;
}

}  // namespace gantry::schema
