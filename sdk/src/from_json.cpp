// From JSON to messages: json_table.hpp says who calls this.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "json_table.hpp"

namespace gantry::sdk::json {
namespace {

constexpr int kDeepest = 100;

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}
void put_number(std::string& out, uint32_t number, uint64_t value) {
  put_varint(out, uint64_t{number} << 3);
  put_varint(out, value);
}
void put_bytes(std::string& out, uint32_t number, std::string_view bytes) {
  put_varint(out, uint64_t{number} << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}

void put_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) return void(out += static_cast<char>(code));
  if (code >= 0x10000) {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
  } else if (code >= 0x800) {
    out += static_cast<char>(0xe0 | code >> 12);
  }
  out += static_cast<char>(code >= 0x800 ? 0x80 | (code >> 6 & 0x3f) : 0xc0 | code >> 6);
  out += static_cast<char>(0x80 | (code & 0x3f));
}

std::optional<int64_t> seconds_of(const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(text.c_str(), "%4d-%2u-%2uT%2u:%2u:%2uZ", &year, &month, &day, &hour, &minute, &second) != 6) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  return std::chrono::seconds(days).count() + hour * 3600 + minute * 60 + second;
}

std::optional<std::string> bytes_of(std::string_view base64) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0, have = 0;
  for (const char c : base64) {
    if (c == '=') break;
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    out += static_cast<char>(bits >> have);
  }
  return out;
}

// Every function that reads returns false once something is wrong, and the reader is of no use then.
class JsonReader {
 public:
  JsonReader(const JsonTable& table, std::string_view text) : table_(table), rest_(text) {}

  bool at_path(std::span<const std::string_view> path, uint16_t message, std::optional<std::string>& out) {
    if (path.empty()) return object(message, out.emplace());
    return members([&](const std::string& key) {
      return key == path.front() && peek() == '{' ? at_path(path.subspan(1), message, out) : skip();
    });
  }

 private:
  char peek() {
    const size_t at = rest_.find_first_not_of(" \t\r\n");
    rest_.remove_prefix(std::min(at, rest_.size()));
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool take(char wanted) {
    if (peek() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool word(std::string_view wanted) {
    peek();
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(wanted.size());
    return true;
  }

  // `each(key)` reads the value.
  template <typename Each>
  bool members(Each each) {
    if (!take('{') || ++depth_ > kDeepest) return false;
    for (bool first = true; !take('}'); first = false) {
      std::string key;
      if (!(first || take(',')) || !text(key) || !take(':') || !each(key)) return false;
    }
    --depth_;
    return true;
  }
  template <typename Each>
  bool elements(Each each) {
    if (!take('[') || ++depth_ > kDeepest) return false;
    for (bool first = true; !take(']'); first = false) {
      if (!(first || take(',')) || !each()) return false;
    }
    --depth_;
    return true;
  }

  bool hex(uint32_t& code) {
    if (rest_.size() < 4) return false;
    const auto end = std::from_chars(rest_.data(), rest_.data() + 4, code, 16).ptr;
    if (end != rest_.data() + 4) return false;
    rest_.remove_prefix(4);
    return true;
  }
  bool escape(std::string& out) {
    constexpr std::string_view kLetters = "btnfr\"\\/", kMeans = "\b\t\n\f\r\"\\/";
    if (rest_.empty()) return false;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    if (const size_t found = kLetters.find(c); found != std::string_view::npos) {
      out += kMeans[found];
      return true;
    }
    uint32_t code = 0, low = 0;
    if (c != 'u' || !hex(code)) return false;
    if (code >= 0xd800 && code < 0xdc00) {
      if (!rest_.starts_with("\\u")) return false;
      rest_.remove_prefix(2);
      if (!hex(low) || low < 0xdc00 || low > 0xdfff) return false;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(out, code);
    return true;
  }
  bool text(std::string& out) {
    if (!take('"')) return false;
    while (true) {
      const size_t plain = rest_.find_first_of("\"\\");
      if (plain == std::string_view::npos) return false;
      out += rest_.substr(0, plain);
      const char end = rest_[plain];
      rest_.remove_prefix(plain + 1);
      if (end == '"') return true;
      if (!escape(out)) return false;
    }
  }
  template <typename Number>
  bool number(Number& out) {
    peek();
    const auto [end, problem] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), out);
    if (problem != std::errc()) return false;
    rest_.remove_prefix(static_cast<size_t>(end - rest_.data()));
    // A fraction or an exponent would be left of what must be whole.
    return rest_.empty() || std::string_view(".eE").find(rest_.front()) == std::string_view::npos;
  }

  bool skip() {
    const char next = peek();
    std::string ignored;
    double number_ignored = 0;
    if (next == '{') return members([&](const std::string&) { return skip(); });
    if (next == '[') return elements([&] { return skip(); });
    if (next == '"') return text(ignored);
    if (next == '-' || (next >= '0' && next <= '9')) return number(number_ignored);
    return word("true") || word("false") || word("null");
  }

  bool object(uint16_t index, std::string& out) {
    return members([&](const std::string& key) { return member(index, key, out); });
  }
  bool member(uint16_t index, const std::string& key, std::string& out) {
    bool found = false, good = false;
    known_member(index, key, out, found, good);
    return found ? good : skip();
  }
  void known_member(uint16_t index, const std::string& key, std::string& out, bool& found, bool& good) {
    for (const auto& field : table_.of(table_.messages[index])) {
      if (found) return;
      if (field.is(kInline)) {
        // The parser puts the parts of a message together.
        std::string part;
        known_member(field.message, key, part, found, good);
        if (!part.empty()) put_bytes(out, field.number, part);
      } else if (field.name == key) {
        found = true;
        good = value(field, out);
      }
    }
  }

  bool value(const JsonField& field, std::string& out) {
    if (word("null")) return true;
    if (field.is(kRepeated)) return elements([&] { return single(field, field.number, out); });
    if (!field.is(kMap)) return single(field, field.number, out);
    return members([&](const std::string& key) {
      std::string entry;
      put_bytes(entry, 1, key);
      if (!word("null") && !single(field, 2, entry)) return false;
      put_bytes(out, field.number, entry);
      return true;
    });
  }

  bool single(const JsonField& field, uint32_t at, std::string& out) {
    std::string bytes;
    int64_t whole = 0;
    double real = 0;
    switch (field.type) {
      case FieldType::kText:
        if (!text(bytes)) return false;
        break;
      case FieldType::kBytes: {
        if (!text(bytes)) return false;
        auto decoded = bytes_of(bytes);
        if (!decoded) return false;
        bytes = std::move(*decoded);
        break;
      }
      case FieldType::kBool:
        whole = word("true") ? 1 : 0;
        if (whole == 0 && !word("false")) return false;
        put_number(out, at, static_cast<uint64_t>(whole));
        return true;
      case FieldType::kInteger:
        if (!number(whole)) return false;
        put_number(out, at, static_cast<uint64_t>(whole));
        return true;
      case FieldType::kDouble:
        if (!number(real)) return false;
        put_varint(out, uint64_t{at} << 3 | 1);
        out.append(reinterpret_cast<const char*>(&real), sizeof real);
        return true;
      case FieldType::kMessage:
        if (!message(field.message, bytes)) return false;
        break;
    }
    put_bytes(out, at, bytes);
    return true;
  }

  bool message(uint16_t index, std::string& out) {
    std::string written;
    int64_t whole = 0;
    switch (table_.messages[index].form) {
      case Form::kStruct:
        return object(index, out);
      case Form::kTime: {
        if (!text(written)) return false;
        const auto seconds = seconds_of(written);
        if (seconds) put_number(out, 1, static_cast<uint64_t>(*seconds));
        return seconds.has_value();
      }
      case Form::kQuantity:
        if (!text(written)) return false;
        put_bytes(out, 1, written);
        return true;
      case Form::kIntOrString: {
        const bool is_text = peek() == '"';
        if (is_text ? !text(written) : !number(whole)) return false;
        put_number(out, 1, is_text ? 1 : 0);
        put_number(out, 2, static_cast<uint64_t>(whole));
        put_bytes(out, 3, written);
        return true;
      }
      case Form::kRawJson: {
        peek();
        const auto begin = rest_;
        if (!skip()) return false;
        put_bytes(out, 1, begin.substr(0, begin.size() - rest_.size()));
        return true;
      }
    }
    return false;
  }

  const JsonTable& table_;
  std::string_view rest_;
  int depth_ = 0;
};

}  // namespace

Expected<std::string> from_json(const JsonTable& table, uint16_t message, std::string_view text,
                                std::span<const std::string_view> path) {
  std::optional<std::string> encoded;
  if (!JsonReader(table, text).at_path(path, message, encoded)) return Status::bad_request("the JSON can't be read");
  if (!encoded) return Status::bad_request("the JSON has nothing at the place where it was looked for");
  return std::move(*encoded);
}

}  // namespace gantry::sdk::json
