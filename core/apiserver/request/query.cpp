// Percent-encoding and query strings of request URLs. Pure, any thread.
#include "core/apiserver/request/query.hpp"

#include <algorithm>
#include <charconv>

#include "core/apiserver/request/documents.hpp"

namespace gantry::apiserver {
namespace {

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What a unit is in nanoseconds; 0: there is none of this name.
double unit_of(std::string_view name) {
  if (name == "ns") return 1;
  if (name == "us" || name == "\xc2\xb5s" || name == "\xce\xbcs") return 1e3;
  if (name == "ms") return 1e6;
  if (name == "s") return 1e9;
  if (name == "m") return 60e9;
  return name == "h" ? 3600e9 : 0;
}

// A number with a point or without; false: there is none. What is too large for a double's digits is too large for all.
bool take_number(std::string_view& rest, double& out) {
  size_t digits = 0, length = 0;
  double scale = 1;
  bool point = false;
  for (; length < rest.size() && (is_digit(rest[length]) || (rest[length] == '.' && !point)); ++length) {
    if (rest[length] == '.') {
      point = true;
      continue;
    }
    ++digits;
    if (point) scale /= 10;
    out = point ? out + scale * (rest[length] - '0') : out * 10 + (rest[length] - '0');
  }
  rest.remove_prefix(length);
  return digits > 0;
}

// An escape that is none, or what separated parameters once: upstream leaves the parameter out.
bool is_malformed(std::string_view parameter) {
  for (size_t i = 0; i < parameter.size(); ++i) {
    if (parameter[i] == ';') return true;
    if (parameter[i] != '%') continue;
    if (i + 2 >= parameter.size() || hex(parameter[i + 1]) < 0 || hex(parameter[i + 2]) < 0) return true;
    i += 2;
  }
  return false;
}

}  // namespace

Expected<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  constexpr double kMost = 9.2e18;
  const auto said = "duration " + quoted(text.substr(0, 200));
  const auto wrong = [&] { return Status::bad_request("time: invalid " + said); };
  auto rest = text;
  const bool minus = rest.starts_with('-');
  if (minus || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return wrong();
  double sum = 0;
  while (!rest.empty()) {
    double number = 0;
    if (!take_number(rest, number)) return wrong();
    size_t length = 0;
    while (length < rest.size() && rest[length] != '.' && !is_digit(rest[length])) ++length;
    const auto name = rest.substr(0, length);
    if (name.empty()) return Status::bad_request("time: missing unit in " + said);
    const double unit = unit_of(name);
    if (unit == 0) return Status::bad_request("time: unknown unit " + quoted(name.substr(0, 200)) + " in " + said);
    rest.remove_prefix(length);
    sum += number * unit;
    if (!(sum < kMost)) return wrong();
  }
  const auto whole = static_cast<int64_t>(sum);
  return std::chrono::nanoseconds(minus ? -whole : whole);
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Query::Query(std::string_view raw) {
  while (!raw.empty()) {
    const auto end = raw.find('&');
    const auto part = raw.substr(0, end);
    raw.remove_prefix(end == std::string_view::npos ? raw.size() : end + 1);
    if (part.empty() || is_malformed(part)) continue;
    const auto equals = part.find('=');
    values_.emplace_back(
        percent_decode(part.substr(0, equals), true),
        equals == std::string_view::npos ? std::string() : percent_decode(part.substr(equals + 1), true));
  }
}

size_t Query::count(std::string_view raw) {
  return raw.empty() ? 0 : static_cast<size_t>(std::count(raw.begin(), raw.end(), '&')) + 1;
}

size_t Query::cost(std::string_view raw) {
  // While the list of them grows, it is there twice and half again.
  return raw.size() + 3 * count(raw) * sizeof(decltype(values_)::value_type);
}

void Query::keep_only(std::string_view key, size_t most) {
  const bool kept = has(key);
  std::string value(get(key).substr(0, most));
  values_ = {};
  if (kept) values_.emplace_back(key, std::move(value));
}

std::string_view Query::get(std::string_view key) const {
  for (const auto& [name, value] : values_) {
    if (name == key) return value;
  }
  return {};
}

bool Query::has(std::string_view key) const {
  for (const auto& [name, value] : values_) {
    if (name == key) return true;
  }
  return false;
}

std::vector<std::string> Query::all(std::string_view key) const {
  std::vector<std::string> out;
  for (const auto& [name, value] : values_) {
    if (name == key) out.push_back(value);
  }
  return out;
}

bool Query::flag(std::string_view key) const {
  const auto value = get(key);
  return has(key) && value != "false" && value != "0" && value != "False";
}

Expected<std::optional<int64_t>> Query::number(std::string_view key) const {
  const auto value = get(key);
  if (value.empty()) return std::optional<int64_t>();
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) {
    return Status::bad_request("strconv.ParseInt: parsing \"" + std::string(value) + "\": invalid syntax");
  }
  return std::optional<int64_t>(number);
}

}  // namespace gantry::apiserver
