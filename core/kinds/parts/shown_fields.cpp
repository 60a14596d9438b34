#include "core/kinds/parts/shown_fields.hpp"

#include <boost/json/serialize.hpp>

#include "core/kinds/parts/unified_diff.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds {
namespace {

constexpr size_t kLongestDiff = 1280;

JsonObject shown_struct(const JsonObject& object, std::span<const Shown> fields);

Json shown_field(const JsonObject& object, const Shown& field) {
  const Json* value = get(object, field.key);
  const bool parts = !field.parts.empty() && (value != nullptr || field.absent == Shown::Absent::kParts);
  if (parts) return shown_struct(object_at(object, field.key), field.parts);
  if (value != nullptr) return *value;
  switch (field.absent) {
    case Shown::Absent::kText:
      return Json("");
    case Shown::Absent::kFlag:
      return Json(false);
    case Shown::Absent::kNumber:
      return Json(0);
    default:
      return {};
  }
}

JsonObject shown_struct(const JsonObject& object, std::span<const Shown> fields) {
  JsonObject out;
  for (const Shown& field : fields) out[field.name] = shown_field(object, field);
  return out;
}

void put_lines(const Json& value, const std::string& indent, std::string& out) {
  const auto put_all = [&](const auto& all, char open, char close, const auto& put_one) {
    if (all.empty()) return void(out.append(1, open).append(1, close));
    std::string_view before = "\n";
    out += open;
    for (const auto& one : all) {
      out.append(before).append(indent).append("  ");
      put_one(one);
      before = ",\n";
    }
    out.append("\n").append(indent).append(1, close);
  };
  if (const JsonObject* object = value.if_object()) {
    put_all(*object, '{', '}', [&](const auto& entry) {
      schema::append_json_string(out, entry.key());
      out += ": ";
      put_lines(entry.value(), indent + "  ", out);
    });
  } else if (const JsonArray* list = value.if_array()) {
    put_all(*list, '[', ']', [&](const Json& one) { put_lines(one, indent + "  ", out); });
  } else {
    out += boost::json::serialize(value);
  }
}

}  // namespace

std::string shown_difference(const JsonObject& before, const JsonObject& after, std::span<const Shown> fields) {
  const auto lines = [&](const JsonObject& of) {
    std::string out;
    put_lines(shown_struct(of, fields), "", out);
    return out;
  };
  return schema::cut(unified_diff(lines(before), lines(after)), kLongestDiff);
}

}  // namespace gantry::kinds
