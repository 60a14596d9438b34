// Owns base64, UTF-8 checks and JSON string escaping. Pure functions, any thread.
#include "core/schema/values/text.hpp"

#include <array>
#include <cstdint>

#include "gantry/text.hpp"

namespace gantry::schema {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> make_reverse() {
  std::array<int8_t, 256> table{};
  for (auto& entry : table) entry = -1;
  for (size_t i = 0; i < kAlphabet.size(); ++i) table[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  return table;
}
constexpr auto kReverse = make_reverse();

// Bytes that go into a JSON string as they are.
constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> table{};
  for (size_t i = 0x20; i < 256; ++i) table[i] = true;
  for (char c : std::string_view("\"\\<>&")) table[static_cast<uint8_t>(c)] = false;
  table[0xe2] = false;  // may begin U+2028 or U+2029
  return table;
}
constexpr auto kPlain = make_plain();

constexpr std::string_view kHex = "0123456789abcdef";

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  size_t i = 0;
  auto at = [&](size_t k) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[k])); };
  for (; i + 2 < bytes.size(); i += 3) {
    uint32_t v = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) out.push_back(kAlphabet[v >> shift & 63]);
  }
  if (i < bytes.size()) {
    bool two = i + 1 < bytes.size();
    uint32_t v = at(i) << 16 | (two ? at(i + 1) << 8 : 0);
    out.push_back(kAlphabet[v >> 18 & 63]);
    out.push_back(kAlphabet[v >> 12 & 63]);
    out.push_back(two ? kAlphabet[v >> 6 & 63] : '=');
    out.push_back('=');
  }
  return out;
}

bool base64_decode(std::string_view text, std::string& out) {
  out.clear();
  uint32_t value = 0;
  int count = 0, padding = 0;
  for (char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      if (++padding > 2 || count < 2) return false;
      value <<= 6;
    } else {
      int8_t bits = kReverse[static_cast<uint8_t>(c)];
      if (bits < 0 || padding > 0) return false;
      value = value << 6 | static_cast<uint32_t>(bits);
    }
    if (++count == 4) {
      out.push_back(static_cast<char>(value >> 16));
      if (padding < 2) out.push_back(static_cast<char>(value >> 8));
      if (padding < 1) out.push_back(static_cast<char>(value));
      value = 0;
      count = 0;
      if (padding > 0) count = -1000000000;  // nothing may follow
    }
  }
  return count == 0 || count == -1000000000;
}

size_t base64_error(std::string_view text) {
  size_t at = 0;
  const auto skip_lines = [&] {
    while (at < text.size() && (text[at] == '\n' || text[at] == '\r')) ++at;
  };
  for (size_t filled = 0;; filled = (filled + 1) % 4) {
    skip_lines();
    if (at == text.size()) return at - filled;
    if (kReverse[static_cast<uint8_t>(text[at])] >= 0) {
      ++at;
      continue;
    }
    if (text[at] != '=' || filled < 2) return at;
    ++at;
    if (filled == 2) {
      skip_lines();
      if (at == text.size()) return at;
      if (text[at] != '=') return at - 1;
      ++at;
    }
    skip_lines();
    return at;  // nothing may follow
  }
}

bool valid_utf8(std::string_view text) { return is_utf8(text); }

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<uint8_t>(text[i]);
    if (kPlain[c]) continue;
    if (c == 0xe2) {
      bool separator =
          i + 2 < text.size() && text[i + 1] == '\x80' && (static_cast<uint8_t>(text[i + 2]) & 0xfe) == 0xa8;
      if (!separator) continue;
      out.append(text, begin, i - begin);
      out.append("\\u202");
      out.push_back(kHex[static_cast<uint8_t>(text[i + 2]) & 15]);
      i += 2;
      begin = i + 1;
      continue;
    }
    out.append(text, begin, i - begin);
    begin = i + 1;
    switch (c) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      case '\b':
        out.append("\\b");
        break;
      case '\f':
        out.append("\\f");
        break;
      default:
        out.append("\\u00");
        out.push_back(kHex[c >> 4]);
        out.push_back(kHex[c & 15]);
    }
  }
  out.append(text, begin, text.size() - begin);
  out.push_back('"');
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
      out += "\\x";
      out += kHex[static_cast<uint8_t>(c) >> 4];
      out += kHex[static_cast<uint8_t>(c) & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string cut(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<uint8_t>(text[most]) & 0xc0) == 0x80) --most;
  return std::string(text.substr(0, most)) + "...";
}

}  // namespace gantry::schema
