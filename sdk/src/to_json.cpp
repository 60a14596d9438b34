// From messages to JSON: json_table.hpp says who calls this.
#include <google/protobuf/io/coded_stream.h>

#include <charconv>
#include <chrono>
#include <cstring>
#include <map>
#include <utility>
#include <vector>

#include "json_table.hpp"

namespace gantry::sdk::json {
namespace {

using google::protobuf::io::CodedInputStream;

struct WireValue {
  uint64_t number = 0;
  std::string_view bytes;
};

// Calls `each(field number, value)` for all that is there.
template <typename Each>
void read_wire(std::string_view encoded, Each each) {
  CodedInputStream in(reinterpret_cast<const uint8_t*>(encoded.data()), static_cast<int>(encoded.size()));
  while (const uint32_t tag = in.ReadTag()) {
    WireValue value;
    uint32_t small = 0;
    bool good = true;
    switch (tag & 7) {
      case 0:
        good = in.ReadVarint64(&value.number);
        break;
      case 1:
        good = in.ReadLittleEndian64(&value.number);
        break;
      case 2: {
        good = in.ReadVarint32(&small);
        const auto at = static_cast<size_t>(in.CurrentPosition());
        good = good && small <= encoded.size() - at && in.Skip(static_cast<int>(small));
        if (good) value.bytes = encoded.substr(at, small);
        break;
      }
      default:
        good = false;
    }
    if (!good) return;
    each(tag >> 3, value);
  }
}

void append_text(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef", kShort = "\b\t\n\f\r\"\\", kLetters = "btnfr\"\\";
  out += '"';
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t found = kShort.find(text[i]);
    if (found != std::string_view::npos) {
      out.append(1, '\\').append(1, kLetters[found]);
    } else if (byte < 0x20 || byte == '<' || byte == '>' || byte == '&') {
      out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else if (text.substr(i, 3) == "\u2028" || text.substr(i, 3) == "\u2029") {
      out.append("\\u202").append(1, kHex[static_cast<unsigned char>(text[i + 2]) & 15]);
      i += 2;
    } else {
      out += text[i];
    }
  }
  out += '"';
}

void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out += '"';
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto part = bytes.substr(i, 3);
    uint32_t bits = 0;
    for (size_t k = 0; k < 3; ++k) bits = bits << 8 | (k < part.size() ? static_cast<unsigned char>(part[k]) : 0);
    for (size_t k = 0; k < 4; ++k) out += k > part.size() ? '=' : kDigits[bits >> (18 - 6 * k) & 63];
  }
  out += '"';
}

void append_time(std::string& out, std::string_view encoded) {
  int64_t seconds = 0;
  read_wire(encoded, [&](uint32_t number, const WireValue& value) {
    if (number == 1) seconds = static_cast<int64_t>(value.number);
  });
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[64];
  std::snprintf(text, sizeof text, "\"%04d-%02u-%02uT%02d:%02d:%02dZ\"", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  out += text;
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonTable& table) : table_(table) {}

  void object(uint16_t index, std::string_view encoded, std::string_view first) {
    Found found;
    collect(index, encoded, found);
    out_ += '{';
    out_ += first;
    for (const auto& [name, values] : found) {
      if (out_.back() != '{') out_ += ',';
      append_text(out_, name);
      out_ += ':';
      member(*values.first, values.second);
    }
    out_ += '}';
  }
  std::string take() { return std::move(out_); }

 private:
  using Values = std::vector<WireValue>;
  using Found = std::map<std::string_view, std::pair<const JsonField*, Values>>;

  // What is written of a message, with that of messages whose fields stand in its object.
  void collect(uint16_t index, std::string_view encoded, Found& found) const {
    const auto fields = table_.of(table_.messages[index]);
    std::vector<Values> values(fields.size());
    read_wire(encoded, [&](uint32_t number, const WireValue& value) {
      for (size_t i = 0; i < fields.size(); ++i) {
        if (fields[i].number == number) return values[i].push_back(value);
      }
    });
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].is(kInline)) {
        collect(fields[i].message, values[i].empty() ? std::string_view() : values[i].back().bytes, found);
      } else if (fields[i].is(kAlways) || !is_left_out(fields[i], values[i])) {
        found[fields[i].name] = {&fields[i], std::move(values[i])};
      }
    }
  }

  static bool is_left_out(const JsonField& field, const Values& values) {
    if (values.empty()) return true;
    if (field.is(kPointer) || field.is(kRepeated) || field.is(kMap)) return false;
    const auto& value = values.back();
    return field.type == FieldType::kMessage ? value.bytes.empty() : value.number == 0 && value.bytes.empty();
  }

  void member(const JsonField& field, const Values& values) {
    if (field.is(kMap)) return map(field, values);
    if (field.is(kRepeated)) return list(field, values);
    if (!values.empty()) return single(field, values.back());
    const bool is_struct = field.type == FieldType::kMessage && table_.messages[field.message].form == Form::kStruct;
    if (field.is(kPointer) || field.type == FieldType::kBytes || (field.type == FieldType::kMessage && !is_struct)) {
      out_ += "null";
    } else {
      single(field, {});
    }
  }

  void list(const JsonField& field, const Values& values) {
    if (values.empty()) return void(out_ += "null");
    out_ += '[';
    for (const auto& value : values) {
      if (&value != values.data()) out_ += ',';
      single(field, value);
    }
    out_ += ']';
  }

  void map(const JsonField& field, const Values& values) {
    std::map<std::string_view, WireValue> entries;
    for (const auto& entry : values) {
      std::string_view key;
      WireValue item;
      read_wire(entry.bytes, [&](uint32_t number, const WireValue& value) {
        if (number == 1) key = value.bytes;
        if (number == 2) item = value;
      });
      entries[key] = item;
    }
    if (entries.empty()) return void(out_ += "null");
    out_ += '{';
    for (const auto& [key, value] : entries) {
      if (out_.back() != '{') out_ += ',';
      append_text(out_, key);
      out_ += ':';
      single(field, value);
    }
    out_ += '}';
  }

  void single(const JsonField& field, const WireValue& value) {
    switch (field.type) {
      case FieldType::kText:
        return append_text(out_, value.bytes);
      case FieldType::kBytes:
        return append_base64(out_, value.bytes);
      case FieldType::kBool:
        return void(out_ += value.number != 0 ? "true" : "false");
      case FieldType::kInteger:
        return void(out_ += std::to_string(static_cast<int64_t>(value.number)));
      case FieldType::kDouble: {
        double number = 0;
        std::memcpy(&number, &value.number, sizeof number);
        char text[32];
        out_.append(text, std::to_chars(text, text + sizeof text, number).ptr);
        return;
      }
      case FieldType::kMessage:
        return message(field.message, value.bytes);
    }
  }

  void message(uint16_t index, std::string_view encoded) {
    std::string_view text;
    int64_t kind = 0, number = 0;
    const auto form = table_.messages[index].form;
    if (form == Form::kStruct) return object(index, encoded, {});
    if (form == Form::kTime) return append_time(out_, encoded);
    const uint32_t text_at = form == Form::kIntOrString ? 3 : 1;
    read_wire(encoded, [&](uint32_t at, const WireValue& value) {
      if (at == text_at) text = value.bytes;
      if (at == 1) kind = static_cast<int64_t>(value.number);
      if (at == 2) number = static_cast<int32_t>(value.number);
    });
    if (form == Form::kRawJson) {
      out_ += text.empty() ? "null" : text;
    } else if (form == Form::kIntOrString && kind == 0) {
      out_ += std::to_string(number);
    } else {
      append_text(out_, text);
    }
  }

  const JsonTable& table_;
  std::string out_;
};

}  // namespace

std::string to_json(const JsonTable& table, uint16_t message, std::string_view encoded, std::string_view first) {
  JsonWriter writer(table);
  writer.object(message, encoded, first);
  return writer.take();
}

}  // namespace gantry::sdk::json
