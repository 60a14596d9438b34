// Owns the writing of protobuf: documents into messages by the tree, and the envelope. Any thread.
#include "core/schema/codec/canonical.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/codec/json_write.hpp"
#include "core/schema/codec/wire.hpp"
#include "core/schema/values/text.hpp"
#include "core/schema/values/times.hpp"

namespace gantry::schema {
namespace {

Status mismatch(const Field& field) {
  return Status::internal("protobuf: the document has a wrong type at " + field.json);
}

// The length before what was appended since `start`, made room for once it is known: inner messages are written in
// place.
void put_length(std::string& out, size_t start) {
  char digits[10];
  size_t count = 0;
  for (uint64_t size = out.size() - start; count == 0 || size != 0; size >>= 7) {
    digits[count++] = static_cast<char>((size & 0x7f) | (size >= 0x80 ? 0x80 : 0));
  }
  out.insert(start, digits, count);
}

void put_tag(std::string& out, uint32_t number) { wire::put_varint(out, (static_cast<uint64_t>(number) << 3) | 2); }

// Writes what the JSON form of the same document says: empty values that JSON leaves out are left out, those that it
// always names are named.
class ProtobufWriter {
 public:
  Status message(const Message& message, const boost::json::object& object, std::string& out) {
    for (const Field& field : message.fields) {
      Status status;
      if (field.inlined && field.message != nullptr) {
        const size_t before = out.size();
        put_tag(out, field.number);
        const size_t start = out.size();
        status = this->message(*field.message, object, out);
        if (out.size() == start) {
          out.resize(before);
        } else {
          put_length(out, start);
        }
      } else if (const Json* value = object.if_contains(field.json); value == nullptr || value->is_null()) {
        if (field.always) status = zero(field, out);
      } else if (field.always || field.pointer || !empty_value(*value)) {
        status = field.map        ? map(field, *value, out)
                 : field.repeated ? list(field, *value, out)
                                  : single(field, field.number, *value, out);
      }
      if (!status.ok()) return status;
    }
    return {};
  }

 private:
  // What JSON writes as "", 0, false or {}; nothing for what it writes as null.
  Status zero(const Field& field, std::string& out) {
    if (field.pointer || field.repeated || field.map || field.type == FieldType::kBytes) return {};
    if (field.type == FieldType::kString) return single(field, field.number, Json(""), out);
    if (field.type == FieldType::kBool) return single(field, field.number, Json(false), out);
    if (field.type != FieldType::kMessage) return single(field, field.number, Json(0), out);
    switch (field.message->form) {
      case Form::kStruct:
        return single(field, field.number, Json(boost::json::object()), out);
      case Form::kQuantity:
        return single(field, field.number, Json("0"), out);
      case Form::kIntOrString:
        return single(field, field.number, Json(0), out);
      case Form::kDuration:
        return single(field, field.number, Json("0s"), out);
      default:
        return {};
    }
  }

  Status map(const Field& field, const Json& value, std::string& out) {
    const auto* object = value.if_object();
    if (object == nullptr) return mismatch(field);
    std::vector<const boost::json::key_value_pair*> entries;
    for (const auto& entry : *object) entries.push_back(&entry);
    sort_entries(entries);
    for (const auto* entry : entries) {
      put_tag(out, field.number);
      const size_t start = out.size();
      wire::put_bytes(out, 1, entry->key());
      Status status = entry->value().is_null() ? Status() : single(field, 2, entry->value(), out);
      if (!status.ok()) return status;
      put_length(out, start);
    }
    return {};
  }

  Status list(const Field& field, const Json& value, std::string& out) {
    const auto* array = value.if_array();
    if (array == nullptr) return mismatch(field);
    for (const Json& item : *array) {
      Status status = single(field, field.number, item, out);
      if (!status.ok()) return status;
    }
    return {};
  }

  Status single(const Field& field, uint32_t number, const Json& value, std::string& out) {
    switch (field.type) {
      case FieldType::kString:
        if (!value.is_string()) return mismatch(field);
        wire::put_bytes(out, number, value.get_string());
        return {};
      case FieldType::kBytes: {
        std::string bytes;
        if (!value.is_string() || !base64_decode(value.get_string(), bytes)) return mismatch(field);
        wire::put_bytes(out, number, bytes);
        return {};
      }
      case FieldType::kBool:
        if (!value.is_bool()) return mismatch(field);
        wire::put_number(out, number, value.get_bool() ? 1 : 0);
        return {};
      case FieldType::kInt32:
      case FieldType::kInt64:
        if (!value.is_int64()) return mismatch(field);
        wire::put_number(out, number, static_cast<uint64_t>(value.get_int64()));
        return {};
      case FieldType::kDouble: {
        if (!value.is_number()) return mismatch(field);
        auto number_value = value.to_number<double>();
        wire::put_varint(out, static_cast<uint64_t>(number) << 3 | 1);
        char bytes[sizeof number_value];
        __builtin_memcpy(bytes, &number_value, sizeof bytes);
        out.append(bytes, sizeof bytes);
        return {};
      }
      case FieldType::kMessage:
        break;
    }
    put_tag(out, number);
    const size_t start = out.size();
    Status status = field.message->form == Form::kStruct ? structure(field, value, out) : form(field, value, out);
    if (status.ok()) put_length(out, start);
    return status;
  }

  Status structure(const Field& field, const Json& value, std::string& out) {
    const auto* object = value.if_object();
    if (object == nullptr) return mismatch(field);
    return message(*field.message, *object, out);
  }

  Status form(const Field& field, const Json& value, std::string& out) {
    const auto* text = value.if_string();
    switch (field.message->form) {
      case Form::kTime:
      case Form::kMicroTime: {
        auto moment = text != nullptr ? parse_moment(*text) : Expected<Moment>(mismatch(field));
        if (!moment) return std::move(moment).error();
        wire::put_number(out, 1, static_cast<uint64_t>(moment->seconds));
        wire::put_number(out, 2, static_cast<uint64_t>(moment->nanos));
        return {};
      }
      case Form::kQuantity:
        if (text == nullptr) return mismatch(field);
        wire::put_bytes(out, 1, *text);
        return {};
      case Form::kIntOrString:
        if (text == nullptr && !value.is_int64()) return mismatch(field);
        wire::put_number(out, 1, text != nullptr ? 1 : 0);
        wire::put_number(out, 2, text != nullptr ? 0 : static_cast<uint64_t>(value.get_int64()));
        wire::put_bytes(out, 3, text != nullptr ? std::string_view(*text) : std::string_view());
        return {};
      case Form::kDuration: {
        auto nanos = text != nullptr ? parse_duration(*text) : Expected<int64_t>(mismatch(field));
        if (!nanos) return std::move(nanos).error();
        wire::put_number(out, 1, static_cast<uint64_t>(*nanos));
        return {};
      }
      case Form::kRawJson: {
        std::string raw;
        append_plain_json(raw, value);
        wire::put_bytes(out, 1, raw);
        return {};
      }
      case Form::kList: {
        const auto* array = value.if_array();
        if (array == nullptr) return mismatch(field);
        for (const Json& item : *array) {
          if (!item.is_string()) return mismatch(field);
          wire::put_bytes(out, 1, item.get_string());
        }
        return {};
      }
      case Form::kStruct:
        break;
    }
    return mismatch(field);
  }
};

}  // namespace

Expected<std::string> encode_protobuf(const Message& message, const Json& document) {
  std::string out;
  const auto* object = document.if_object();
  if (object == nullptr) return Status::internal("protobuf: the document is no object");
  Status status = ProtobufWriter().message(message, *object, out);
  if (!status.ok()) return status;
  return out;
}

std::string wrap_protobuf(std::string_view api_version, std::string_view kind, std::string_view raw) {
  std::string type, out("k8s\0", 4);
  wire::put_bytes(type, 1, api_version);
  wire::put_bytes(type, 2, kind);
  wire::put_bytes(out, 1, type);
  wire::put_bytes(out, 2, raw);
  wire::put_bytes(out, 3, "");
  wire::put_bytes(out, 4, "");
  return out;
}

}  // namespace gantry::schema
