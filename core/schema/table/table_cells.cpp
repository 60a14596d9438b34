// What cell functions of printer columns are made of, and the one that every kind has. Pure, any thread.
#include "core/schema/table/table_cells.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <vector>

#include "core/schema/values/text.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::schema::cells {
namespace {

using Array = boost::json::array;
using Object = boost::json::object;

std::string_view view(boost::json::string_view text) { return {text.data(), text.size()}; }

void age(Row& row, std::string& out) { put(out, since(row.document, "metadata.creationTimestamp", row.now_ns)); }

}  // namespace

Cell find_cell(const Behavior& behavior, std::string_view name) {
  for (const NamedCell& named : behavior.cells) {
    if (named.name == name) return named.cell;
  }
  return name == "age" ? age : nullptr;
}

void put(std::string& out, std::string_view text) { append_json_string(out, text); }

void put_or(std::string& out, std::string_view text, std::string_view otherwise) {
  put(out, text.empty() ? otherwise : text);
}

const Json* at(const Json& value, std::string_view path) {
  const Json* found = &value;
  while (!path.empty()) {
    const Object* object = found->if_object();
    if (object == nullptr) return nullptr;
    size_t dot = std::min(path.find('.'), path.size());
    found = object->if_contains({path.data(), dot});
    if (found == nullptr) return nullptr;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return found;
}

const Array* list_at(const Json& value, std::string_view path) {
  const Json* found = at(value, path);
  return found == nullptr ? nullptr : found->if_array();
}

std::string_view text_at(const Json& value, std::string_view path) {
  const Json* found = at(value, path);
  return found != nullptr && found->is_string() ? view(found->get_string()) : std::string_view();
}

int64_t number_at(const Json& value, std::string_view path) {
  const Json* found = at(value, path);
  if (found == nullptr) return 0;
  if (found->is_int64()) return found->get_int64();
  return found->is_uint64() ? static_cast<int64_t>(found->get_uint64()) : 0;
}

std::string since(const Json& value, std::string_view path, int64_t now_ns) {
  std::string_view text = text_at(value, path);
  if (text.empty()) return "<unknown>";
  auto then = parse_time(text);
  return then ? human_duration((now_ns - *then) / 1'000'000'000) : "<unknown>";
}

std::string format_labels(const Json* labels) {
  const Object* object = labels == nullptr ? nullptr : labels->if_object();
  if (object == nullptr || object->empty()) return "<none>";
  std::vector<std::string> parts;
  for (const auto& [key, value] : *object) {
    std::string part(view(key));
    part += "=";
    if (value.is_string()) part += view(value.get_string());
    parts.push_back(std::move(part));
  }
  std::sort(parts.begin(), parts.end());
  std::string text;
  for (const std::string& part : parts) (text += text.empty() ? "" : ",") += part;
  return text;
}

}  // namespace gantry::schema::cells
