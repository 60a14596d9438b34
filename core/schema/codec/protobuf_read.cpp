// Owns the reading of protobuf: the envelope, and messages into documents by the tree. Input is hostile.
// Any thread.
#include "core/schema/codec/canonical.hpp"
#include "core/schema/codec/json_parse.hpp"
#include "core/schema/codec/protobuf.hpp"
#include "core/schema/codec/wire.hpp"
#include "core/schema/patch/json_edit.hpp"
#include "core/schema/values/arena.hpp"
#include "core/schema/values/text.hpp"
#include "core/schema/values/times.hpp"

namespace gantry::schema {
namespace {

using wire::Entry;
using wire::Reader;

Status broken(const Message& message) {
  return Status::bad_request("proto: " + std::string(short_name(message)) +
                             ": wiretype or length wrong, or unexpected EOF");
}

class ProtobufReader {
 public:
  explicit ProtobufReader(const DecodeOptions& options) : options_(options) {}

  Status message(const Message& message, std::string_view bytes, boost::json::object& out, size_t depth) {
    if (depth > options_.max_depth) return exceeded();
    Reader reader(bytes);
    for (Entry entry; reader.next(entry);) {
      const Field* found = message.find_number(entry.number);
      if (found == nullptr) continue;
      const Field& field = *found;
      Status status;
      if (field.inlined && field.message != nullptr) {
        if (entry.type != wire::Type::kBytes) return broken(message);
        status = this->message(*field.message, entry.bytes, out, depth);
      } else if ((field.map || field.repeated) && depth >= options_.max_depth) {
        return exceeded();
      } else if (field.map) {
        status = map_entry(message, field, entry, out, depth);
      } else if (field.repeated) {
        status = repeated(message, field, entry, out, depth);
      } else {
        status = single(message, field, entry, out, depth);
      }
      if (!status.ok()) return status;
    }
    return reader.failed() ? broken(message) : Status();
  }

 private:
  static Status exceeded() { return Status::bad_request("proto: exceeded max depth"); }

  // `depth` is that of the object `out`, as JSON counts: a list is one more, its elements' objects two.
  Status single(const Message& owner, const Field& field, const Entry& entry, boost::json::object& out, size_t depth) {
    Json* old = out.if_contains(field.json);
    // A second part of the same message is merged into the first.
    Json value = old != nullptr && old->is_object() ? std::move(*old) : Json(out.storage());
    auto kept = this->value(owner, field, entry, value, depth);
    if (!kept) return std::move(kept).error();
    if (*kept == Kept::kDrop) {
      out.erase(field.json);
    } else {
      out[field.json] = std::move(value);
    }
    return {};
  }

  Status repeated(const Message& owner, const Field& field, const Entry& entry, boost::json::object& out,
                  size_t depth) {
    Json& list = out[field.json];
    if (!list.is_array()) list.emplace_array();
    bool number = field.type == FieldType::kInt32 || field.type == FieldType::kInt64 || field.type == FieldType::kBool;
    if (number && entry.type == wire::Type::kBytes) {
      Reader packed(entry.bytes);
      Entry one;
      while (!packed.at_end()) {
        if (!packed.varint(one.value)) return broken(owner);
        Json value(out.storage());
        auto kept = this->value(owner, field, one, value, depth + 1);
        if (!kept) return std::move(kept).error();
        list.get_array().push_back(std::move(value));
      }
      return {};
    }
    Json value(out.storage());
    auto kept = this->value(owner, field, entry, value, depth + 1);
    if (!kept) return std::move(kept).error();
    list.get_array().push_back(value.is_null() ? zero_element(field) : std::move(value));
    return {};
  }

  Status map_entry(const Message& owner, const Field& field, const Entry& entry, boost::json::object& out,
                   size_t depth) {
    if (entry.type != wire::Type::kBytes) return broken(owner);
    std::string_view key;
    Json value(out.storage());
    Reader reader(entry.bytes);
    for (Entry part; reader.next(part);) {
      if (part.number == 1) {
        if (part.type != wire::Type::kBytes) return broken(owner);
        key = part.bytes;
      }
      if (part.number == 2) {
        auto kept = this->value(owner, field, part, value, depth + 1);
        if (!kept) return std::move(kept).error();
      }
    }
    if (reader.failed()) return broken(owner);
    if (!valid_utf8(key)) return Status::bad_request("proto: invalid UTF-8 in a key of " + field.json);
    Json& map = out[field.json];
    if (!map.is_object()) map.emplace_object();
    map.get_object()[key] = value.is_null() ? zero_element(field) : std::move(value);
    return {};
  }

  Expected<Kept> value(const Message& owner, const Field& field, const Entry& entry, Json& out, size_t depth) {
    bool stays = field.pointer || field.always;
    auto kept = [&](bool empty) { return empty && !stays ? Kept::kDrop : Kept::kKeep; };
    bool bytes =
        field.type == FieldType::kString || field.type == FieldType::kBytes || field.type == FieldType::kMessage;
    bool wide = field.type == FieldType::kDouble;
    if (entry.type != (bytes ? wire::Type::kBytes : wide ? wire::Type::kFixed64 : wire::Type::kVarint))
      return broken(owner);
    switch (field.type) {
      case FieldType::kString:
        if (!valid_utf8(entry.bytes)) return Status::bad_request("proto: invalid UTF-8 in " + field.json);
        out = entry.bytes;
        return kept(entry.bytes.empty());
      case FieldType::kBytes:
        out = base64_encode(entry.bytes);
        return kept(entry.bytes.empty());
      case FieldType::kBool:
        out = entry.value != 0;
        return kept(entry.value == 0);
      case FieldType::kInt32: {
        auto number = static_cast<int32_t>(static_cast<uint32_t>(entry.value));
        out = number;
        return kept(number == 0);
      }
      case FieldType::kInt64:
        out = static_cast<int64_t>(entry.value);
        return kept(entry.value == 0);
      case FieldType::kDouble: {
        double number = 0;
        static_assert(sizeof number == sizeof entry.value);
        __builtin_memcpy(&number, &entry.value, sizeof number);
        out = number;
        return kept(number == 0);
      }
      case FieldType::kMessage:
        break;
    }
    if (field.message->form != Form::kStruct) return form(*field.message, entry.bytes, out, stays, depth);
    if (!out.is_object()) out.emplace_object();
    Status status = message(*field.message, entry.bytes, out.get_object(), depth + 1);
    if (!status.ok()) return status;
    return kept(out.get_object().empty());
  }

  Expected<Kept> form(const Message& message, std::string_view bytes, Json& out, bool stays, size_t depth) {
    Entry fields[4];
    std::vector<std::string_view> items;
    Reader reader(bytes);
    for (Entry entry; reader.next(entry);) {
      if (entry.number < 4) fields[entry.number] = entry;
      if (entry.number == 1) items.push_back(entry.bytes);
    }
    if (reader.failed()) return broken(message);
    switch (message.form) {
      case Form::kTime:
      case Form::kMicroTime:
        return time(message, fields[1].value, fields[2].value, bytes.empty(), out);
      case Form::kIntOrString:
        if (fields[1].value == 0) {
          out = static_cast<int32_t>(static_cast<uint32_t>(fields[2].value));
        } else if (valid_utf8(fields[3].bytes)) {
          out = fields[3].bytes;
        } else {
          return Status::bad_request("proto: invalid UTF-8");
        }
        return out == Json(0) && !stays ? Kept::kDrop : Kept::kKeep;
      case Form::kQuantity:
        if (!valid_utf8(fields[1].bytes)) return Status::bad_request("proto: invalid UTF-8");
        out = fields[1].bytes.empty() ? std::string_view("0") : fields[1].bytes;
        return canonical_form(message, out);
      case Form::kDuration:
        out = format_duration(static_cast<int64_t>(fields[1].value));
        return Kept::kKeep;
      case Form::kRawJson: {
        if (fields[1].bytes.empty()) return stays ? (out = nullptr, Kept::kKeep) : Kept::kDrop;
        const size_t left = options_.max_depth - std::min(depth, options_.max_depth - 1);
        auto parsed = parse_json_text(fields[1].bytes, left, options_.account);
        if (!parsed) return std::move(parsed).error().in("json parse error");
        if (deeper_than(*parsed, options_.max_depth - depth)) return exceeded();
        out = *std::move(parsed);
        return canonical_form(message, out);
      }
      case Form::kList: {
        if (depth >= options_.max_depth) return exceeded();
        auto& array = out.emplace_array();
        for (std::string_view item : items) {
          if (!valid_utf8(item)) return Status::bad_request("proto: invalid UTF-8");
          array.emplace_back(item);
        }
        return Kept::kKeep;
      }
      case Form::kStruct:
        break;
    }
    return Kept::kDrop;
  }

  Expected<Kept> time(const Message& message, uint64_t seconds, uint64_t nanos, bool absent, Json& out) {
    Moment moment{static_cast<int64_t>(seconds), static_cast<int32_t>(static_cast<uint32_t>(nanos))};
    // An empty message is Go's zero time; so is anything that RFC 3339 cannot say.
    constexpr int64_t kFirst = -62167219200, kLast = 253402300799;
    if (absent || moment.is_zero()) return Kept::kDrop;
    if (moment.seconds < kFirst || moment.seconds > kLast || moment.nanos < 0 || moment.nanos > 999999999) {
      return Status::bad_request("proto: time out of range");
    }
    out = format_moment(moment, message.form == Form::kMicroTime ? 6 : 0);
    return Kept::kKeep;
  }

  const DecodeOptions& options_;
};

constexpr std::string_view kMagic("k8s\0", 4);

}  // namespace

Expected<Json> read_protobuf(const Message& message, std::string_view raw, const DecodeOptions& options) {
  Json document(make_arena(4 * raw.size(), options.account));
  Status status = ProtobufReader(options).message(message, raw, document.emplace_object(), 1);
  if (!status.ok()) return status;
  return document;
}

Expected<Envelope> unwrap_protobuf(std::string_view bytes) {
  if (!bytes.starts_with(kMagic)) {
    return Status::bad_request(
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  }
  Envelope out;
  Reader reader(bytes.substr(kMagic.size()));
  for (Entry entry; reader.next(entry);) {
    if (entry.number == 1) {
      Reader type(entry.bytes);
      for (Entry part; type.next(part);) {
        if (part.number == 1) out.type.api_version = std::string(part.bytes);
        if (part.number == 2) out.type.kind = std::string(part.bytes);
      }
      if (type.failed()) return Status::bad_request("proto: TypeMeta: unexpected EOF");
    }
    if (entry.number == 2 && entry.type == wire::Type::kBytes) out.raw = entry.bytes;
  }
  if (reader.failed()) return Status::bad_request("proto: Unknown: unexpected EOF");
  if (!valid_utf8(out.type.api_version) || !valid_utf8(out.type.kind))
    return Status::bad_request("proto: invalid UTF-8");
  return out;
}

}  // namespace gantry::schema
