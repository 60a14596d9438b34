// Go's spelling of values. Pure, any thread.
#include "core/apiserver/verbs/patch_text.hpp"

#include <charconv>
#include <cmath>
#include <vector>

#include "core/schema/codec/json_write.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::apiserver {
namespace {

constexpr size_t kLongestQuote = 2048;

void append_float(std::string& out, double number) {
  char buffer[400];
  const double size = std::fabs(number);
  const bool exponent = size != 0 && (size < 1e-4 || size >= 1e21);
  const auto format = exponent ? std::chars_format::scientific : std::chars_format::fixed;
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, number, format).ptr);
}

void append(std::string& out, const Json& value) {
  if (out.size() > kLongestQuote) return;
  if (const auto* object = value.if_object()) {
    std::vector<const boost::json::key_value_pair*> entries;
    for (const auto& entry : *object) entries.push_back(&entry);
    schema::sort_entries(entries);
    out += "map[";
    for (const auto* entry : entries) {
      if (out.size() > kLongestQuote) return;
      if (entry != entries.front()) out += ' ';
      out.append(entry->key()).append(":");
      append(out, entry->value());
    }
    out += ']';
  } else if (const auto* list = value.if_array()) {
    out += '[';
    for (const auto& item : *list) {
      if (out.size() > kLongestQuote) return;
      if (&item != list->data()) out += ' ';
      append(out, item);
    }
    out += ']';
  } else if (const auto* text = value.if_string()) {
    out.append(std::string_view(*text).substr(0, kLongestQuote));
  } else if (const double* number = value.if_double()) {
    append_float(out, *number);
  } else if (value.is_null()) {
    out += "<nil>";
  } else {
    schema::append_plain_json(out, value);
  }
}

}  // namespace

std::string go_text(const Json& value) {
  std::string out;
  append(out, value);
  return schema::cut(out, kLongestQuote);
}

std::string json_text(const Json& value) {
  std::string out;
  schema::append_plain_json(out, value, kLongestQuote + 1);
  return schema::cut(out, kLongestQuote);
}

}  // namespace gantry::apiserver
