#include "core/kinds/parts/cells.hpp"

#include <algorithm>
#include <set>

namespace gantry::kinds {
namespace {

std::string_view view(boost::json::string_view text) { return {text.data(), text.size()}; }

void containers(Row& row, std::string& out, std::string_view member) {
  const JsonArray* list = list_at(row.document, "spec.template.spec.containers");
  if (list == nullptr) list = list_at(row.document, "template.spec.containers");
  if (list == nullptr) list = list_at(row.document, "spec.jobTemplate.spec.template.spec.containers");
  std::string text;
  if (list != nullptr) {
    for (const Json& container : *list) {
      if (&container != &list->front()) text += ",";
      text += text_at(container, member);
    }
  }
  put(out, text);
}

std::string expression_text(const Json& expression) {
  std::string key(text_at(expression, "key"));
  std::string_view op = text_at(expression, "operator");
  if (op == "Exists") return key;
  if (op == "DoesNotExist") return "!" + key;
  std::set<std::string_view> values;
  if (const JsonArray* list = list_at(expression, "values")) {
    for (const Json& value : *list) {
      if (value.is_string()) values.insert(view(value.get_string()));
    }
  }
  key += op == "In" ? " in (" : " notin (";
  std::string text;
  for (std::string_view value : values) (text += text.empty() ? "" : ",") += value;
  return key + text + ")";
}

}  // namespace

void container_names(Row& row, std::string& out) { containers(row, out, "name"); }
void container_images(Row& row, std::string& out) { containers(row, out, "image"); }

void selector(Row& row, std::string& out) { put_selector(at(row.document, "spec.selector"), out); }

void put_selector(const Json* spec, std::string& out) {
  if (spec == nullptr || !spec->is_object()) return put(out, "<none>");
  const JsonObject& object = spec->get_object();
  if (!object.contains("matchLabels") && !object.contains("matchExpressions")) {
    return put(out, schema::cells::format_labels(spec));  // a plain map, as Services have it
  }
  std::vector<std::pair<std::string, std::string>> parts;
  const Json* labels = object.if_contains("matchLabels");
  if (labels != nullptr && labels->is_object()) {
    for (const auto& [key, value] : labels->get_object()) {
      std::string text(view(key));
      text += "=";
      if (value.is_string()) text += view(value.get_string());
      parts.emplace_back(view(key), std::move(text));
    }
  }
  const Json* expressions = object.if_contains("matchExpressions");
  if (expressions != nullptr && expressions->is_array()) {
    for (const Json& expression : expressions->get_array()) {
      parts.emplace_back(text_at(expression, "key"), expression_text(expression));
    }
  }
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (const auto& part : parts) (text += text.empty() ? "" : ",") += part.second;
  put_or(out, text, "<none>");
}

size_t members_at(const Row& row, std::string_view path) {
  const Json* value = at(row.document, path);
  if (value == nullptr) return 0;
  if (const auto* object = value->if_object()) return object->size();
  const auto* list = value->if_array();
  return list == nullptr ? 0 : list->size();
}

}  // namespace gantry::kinds
