#include "gantry/durations.hpp"

#include <charconv>

namespace gantry::sdk {

namespace {

constexpr size_t kMostQuoted = 200;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// In quotes, on one line, and no longer than a message should be.
std::string quoted(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "\"";
  for (const unsigned char c : text.substr(0, kMostQuoted)) {
    if (c == '"' || c == '\\') out += '\\';
    if (c >= ' ' && c < 0x7f) {
      out += static_cast<char>(c);
    } else {
      out += {'\\', 'x', kDigits[c >> 4], kDigits[c & 15]};
    }
  }
  return out + "\"";
}

// What a unit is in nanoseconds; 0: there is none of this name.
double unit_of(std::string_view name) {
  if (name == "ns") return 1;
  if (name == "us" || name == "\xc2\xb5s" || name == "\xce\xbcs") return 1e3;
  if (name == "ms") return 1e6;
  if (name == "s") return 1e9;
  if (name == "m") return 60e9;
  return name == "h" ? 3600e9 : 0;
}

// Digits with a point among them or without, up to what is neither. False: there is no digit.
bool take_number(std::string_view& rest, double& out) {
  size_t length = 0;
  bool point = false, digit = false;
  for (; length < rest.size() && (is_digit(rest[length]) || (rest[length] == '.' && !point)); ++length) {
    (rest[length] == '.' ? point : digit) = true;
  }
  if (!digit) return false;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + length, out, std::chars_format::fixed);
  rest.remove_prefix(length);
  return error == std::errc();
}

}  // namespace

Expected<int64_t> parse_duration(std::string_view text) {
  const auto wrong = [&] { return Status::bad_request("time: invalid duration " + quoted(text)); };
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return int64_t{0};
  if (rest.empty()) return wrong();
  double total = 0;
  while (!rest.empty()) {
    double number = 0;
    if (!take_number(rest, number)) return wrong();
    size_t length = 0;
    while (length < rest.size() && rest[length] != '.' && !is_digit(rest[length])) ++length;
    const auto name = rest.substr(0, length);
    if (name.empty()) return Status::bad_request("time: missing unit in duration " + quoted(text));
    const double unit = unit_of(name);
    if (unit == 0) return Status::bad_request("time: unknown unit " + quoted(name) + " in duration " + quoted(text));
    rest.remove_prefix(length);
    total += number * unit;
    if (!(total < 9.2e18)) return wrong();
  }
  return static_cast<int64_t>(negative ? -total : total);
}

std::string format_duration(int64_t nanos) {
  if (nanos == 0) return "0s";
  std::string sign = nanos < 0 ? "-" : "";
  uint64_t n = nanos < 0 ? 0 - static_cast<uint64_t>(nanos) : static_cast<uint64_t>(nanos);
  auto fraction = [](uint64_t value, uint64_t unit, int digits) {
    std::string out = std::to_string(value / unit);
    if (value % unit != 0) {
      std::string tail = std::to_string(value % unit);
      tail.insert(0, static_cast<size_t>(digits) - tail.size(), '0');
      while (tail.back() == '0') tail.pop_back();
      out += "." + tail;
    }
    return out;
  };
  if (n < 1000) return sign + std::to_string(n) + "ns";
  if (n < 1000000) return sign + fraction(n, 1000, 3) + "\xc2\xb5s";
  if (n < 1000000000) return sign + fraction(n, 1000000, 6) + "ms";
  uint64_t seconds = n / 1000000000;
  std::string out = fraction(n % 60000000000, 1000000000, 9) + "s";
  if (seconds >= 60) out = std::to_string(seconds / 60 % 60) + "m" + out;
  if (seconds >= 3600) out = std::to_string(seconds / 3600) + "h" + out;
  return sign + out;
}

}  // namespace gantry::sdk
