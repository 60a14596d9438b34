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
  decltype(values_)().swap(values_);  // with its memory
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
