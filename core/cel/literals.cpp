// Owns the reading of literals: escapes, bases, ranges. Pure, any thread.
#include "core/cel/literals.hpp"

#include <charconv>
#include <limits>

namespace gantry::cel {
namespace {

constexpr std::string_view kPlain = "abfnrtv\\'\"`?";
constexpr std::string_view kMeant = "\a\b\f\n\r\t\v\\'\"`?";

class TextReader {
 public:
  TextReader(std::string_view body, bool bytes) : rest_(body), bytes_(bytes) {}

  bool run(std::string& out, std::string& problem) {
    while (!rest_.empty()) {
      const char c = rest_[0];
      rest_.remove_prefix(1);
      if (c != '\\') {
        out += c;
      } else if (!escape(out, problem)) {
        return false;
      }
    }
    return true;
  }

 private:
  bool escape(std::string& out, std::string& problem) {
    if (rest_.empty()) return fail("unable to unescape string, found '\\' as last character", problem);
    const char c = rest_[0];
    rest_.remove_prefix(1);
    if (const size_t known = kPlain.find(c); known != std::string_view::npos) {
      out += kMeant[known];
      return true;
    }
    if (c == 'x' || c == 'X') return number(2, 16, out, problem);
    if (c == 'u' || c == 'U') {
      if (bytes_) return fail("unable to unescape string", problem);
      return number(c == 'u' ? 4 : 8, 16, out, problem);
    }
    if (c >= '0' && c <= '3') {
      rest_ = std::string_view(rest_.data() - 1, rest_.size() + 1);
      return number(3, 8, out, problem);
    }
    return fail("unable to unescape string", problem);
  }

  bool number(size_t digits, int base, std::string& out, std::string& problem) {
    uint32_t point = 0;
    const char* const begin = rest_.data();
    if (rest_.size() < digits) return fail("unable to unescape string", problem);
    const auto read = std::from_chars(begin, begin + digits, point, base);
    if (read.ec != std::errc() || read.ptr != begin + digits) return fail("unable to unescape string", problem);
    rest_.remove_prefix(digits);
    if (bytes_) {
      out += static_cast<char>(point);
      return true;
    }
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return fail("invalid unicode code point", problem);
    put_code_point(point, out);
    return true;
  }

  static bool fail(std::string_view why, std::string& problem) {
    problem = why;
    return false;
  }

  std::string_view rest_;
  bool bytes_;
};

template <typename Number>
std::optional<Number> whole_number(std::string_view digits) {
  int base = 10;
  if (digits.starts_with("0x")) {
    digits.remove_prefix(2);
    base = 16;
  }
  Number value{};
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (read.ec != std::errc() || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

void put_code_point(uint32_t point, std::string& out) {
  const auto put = [&out](uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xc0 | point >> 6);
  } else if (point < 0x10000) {
    put(0xe0 | point >> 12);
    put(0x80 | (point >> 6 & 0x3f));
  } else {
    put(0xf0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3f));
    put(0x80 | (point >> 6 & 0x3f));
  }
  put(0x80 | (point & 0x3f));
}

std::optional<std::string> read_text(std::string_view literal, bool bytes, std::string& problem) {
  const size_t open = literal.find_first_of("'\"");
  const bool raw = literal.substr(0, open).find_first_of("rR") != std::string_view::npos;
  literal.remove_prefix(open);
  const char mark = literal[0];
  const size_t quote = literal.size() >= 6 && literal[1] == mark && literal[2] == mark ? 3 : 1;
  const std::string_view body = literal.substr(quote, literal.size() - 2 * quote);
  std::string out;
  if (raw) return std::string(body);
  if (!TextReader(body, bytes).run(out, problem)) return std::nullopt;
  return out;
}

std::optional<int64_t> read_int(std::string_view literal, bool negative) {
  const auto value = whole_number<uint64_t>(literal);
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (!value || *value > kMost + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<int64_t>(negative ? ~*value + 1 : *value);
}

std::optional<uint64_t> read_uint(std::string_view literal) {
  return whole_number<uint64_t>(literal.substr(0, literal.size() - 1));
}

std::optional<double> read_double(std::string_view literal) {
  double value = 0;
  const auto read = std::from_chars(literal.data(), literal.data() + literal.size(), value);
  if (read.ec != std::errc() || read.ptr != literal.data() + literal.size()) return std::nullopt;
  return value;
}

}  // namespace gantry::cel
