// Owns the words for broken JSON. Called by json_parse.cpp when a text does not parse, on any thread.
#include "core/schema/codec/json_syntax.hpp"

#include "core/schema/codec/codec.hpp"

namespace gantry::schema {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdefABCDEF";

// The first byte that is not as it must be. A text that ends too early is read as if a space followed, as Go does it.
class Scanner {
 public:
  explicit Scanner(std::string_view json) : json_(json) {}

  std::string run() {
    if (!value(0)) return std::move(error_);
    space();
    if (at_ < json_.size()) fail("after top-level value");
    return std::move(error_);
  }

 private:
  bool value(size_t depth) {
    space();
    if (depth > kMaxDepth) return false;
    if (at_end()) return cut_short();
    const char c = peek();
    if (c == '{') return object(depth);
    if (c == '[') return array(depth);
    if (c == '"') return string();
    if (c == '-' || digit(c)) return number();
    if (c == 't') return literal("true");
    if (c == 'f') return literal("false");
    if (c == 'n') return literal("null");
    return fail("looking for beginning of value");
  }

  bool object(size_t depth) {
    ++at_;
    space();
    if (!at_end() && peek() == '}') return next();
    for (;;) {
      space();
      if (at_end()) return cut_short();
      if (peek() != '"') return fail("looking for beginning of object key string");
      if (!string()) return false;
      space();
      if (at_end()) return cut_short();
      if (peek() != ':') return fail("after object key");
      ++at_;
      if (!value(depth + 1)) return false;
      space();
      if (at_end()) return cut_short();
      if (peek() == '}') return next();
      if (peek() != ',') return fail("after object key:value pair");
      ++at_;
    }
  }

  bool array(size_t depth) {
    ++at_;
    space();
    if (!at_end() && peek() == ']') return next();
    for (;;) {
      if (!value(depth + 1)) return false;
      space();
      if (at_end()) return cut_short();
      if (peek() == ']') return next();
      if (peek() != ',') return fail("after array element");
      ++at_;
    }
  }

  bool string() {
    for (++at_; !at_end(); ++at_) {
      const char c = peek();
      if (c == '"') return next();
      if (static_cast<unsigned char>(c) < 0x20) return fail("in string literal");
      if (c == '\\' && !escape()) return false;
    }
    return cut_short();
  }

  // Ends at its last byte.
  bool escape() {
    ++at_;
    if (std::string_view("bfnrt\\/\"").find(peek()) != std::string_view::npos) return true;
    if (peek() != 'u') return fail("in string escape code");
    for (int i = 0; i < 4; ++i) {
      ++at_;
      if (kHexDigits.find(peek()) == std::string_view::npos) return fail("in \\u hexadecimal character escape");
    }
    return true;
  }

  bool number() {
    if (peek() == '-') ++at_;
    if (!digit(peek())) return fail("in numeric literal");
    if (peek() == '0') {
      ++at_;
    } else {
      digits();
    }
    if (peek() == '.') {
      ++at_;
      if (!digit(peek())) return fail("after decimal point in numeric literal");
      digits();
    }
    if (peek() != 'e' && peek() != 'E') return true;
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    if (!digit(peek())) return fail("in exponent of numeric literal");
    digits();
    return true;
  }

  bool literal(std::string_view word) {
    for (const char c : word) {
      if (peek() != c) {
        return fail("in literal " + std::string(word) + " (expecting '" + std::string(1, c) + "')");
      }
      ++at_;
    }
    return true;
  }

  bool at_end() const { return at_ >= json_.size(); }
  char peek() const { return at_end() ? ' ' : json_[at_]; }
  static bool digit(char c) { return c >= '0' && c <= '9'; }
  void digits() {
    while (digit(peek())) ++at_;
  }
  void space() {
    while (!at_end() && std::string_view(" \t\r\n").find(peek()) != std::string_view::npos) ++at_;
  }
  bool next() {
    ++at_;
    return true;
  }
  bool cut_short() {
    error_ = "unexpected end of JSON input";
    return false;
  }
  bool fail(std::string_view where) {
    error_ = "invalid character " + shown(peek()) + " " + std::string(where);
    return false;
  }

  static std::string shown(char c) {
    constexpr std::string_view kHex = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    const auto escaped = [](char letter) { return std::string("'\\") + letter + "'"; };
    if (c == '\'' || c == '\\') return escaped(c);
    constexpr std::string_view kControls = "\a\b\f\n\r\t\v", kLetters = "abfnrtv";
    if (const size_t at = kControls.find(c); at != std::string_view::npos) return escaped(kLetters[at]);
    if (byte >= 0x20 && byte < 0x7f) return std::string("'") + c + "'";
    const std::string hex = {kHex[byte >> 4], kHex[byte & 15]};
    if (byte < 0x80) return "'\\x" + hex + "'";
    // A byte stands for the character of this number; those up to 0xa0 and 0xad are not printable.
    if (byte <= 0xa0 || byte == 0xad) return "'\\u00" + hex + "'";
    return {'\'', static_cast<char>(0xc0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3f)), '\''};
  }

  const std::string_view json_;
  size_t at_ = 0;
  std::string error_;
};

}  // namespace

std::string syntax_error(std::string_view json) { return Scanner(json).run(); }

}  // namespace gantry::schema
