// Table answers (meta.k8s.io/v1 Table): column definitions, and a row for one object.
// Called by the API server for requests that accept ";as=Table"; pure, any thread.
#include "core/schema/table/table.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "core/schema/table/column_path.hpp"
#include "core/schema/table/table_cells.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

void put_value(const Column& column, const Json* value, std::string& out) {
  if (column.labels) {
    append_json_string(out, cells::format_labels(value));
  } else if (value == nullptr || value->is_null()) {
    if (column.type == "integer" || column.type == "number" || column.numeric) {
      out += "0";
    } else if (column.type == "boolean") {
      out += "false";
    } else {
      append_json_string(out, column.empty);
    }
  } else if (value->is_string()) {
    const auto& text = value->get_string();
    append_json_string(out, text.empty() ? std::string_view(column.empty) : std::string_view(text.data(), text.size()));
  } else {
    // Numbers and flags as they are, but where the column is of text; whatever else as text.
    const std::string text = boost::json::serialize(*value);
    const bool plain = value->is_number() || value->is_bool();
    if (plain && (column.type != "string" || column.numeric)) {
      out += text;
    } else {
      append_json_string(out, text);
    }
  }
}

void put_cell(const Column& column, cells::Row& row, std::string& out) {
  std::string_view source = column.source;
  if (column.cell != nullptr) return column.cell(row, out);
  if (source.starts_with('@')) {
    out += "null";
    return;
  }
  if (source.starts_with('.')) source.remove_prefix(1);
  if (column.type == "date") return append_json_string(out, cells::since(row.document, source, row.now_ns));
  const bool picks = source.find('[') != std::string_view::npos;
  put_value(column, picks ? find_path(row.document, source) : cells::at(row.document, source), out);
}

}  // namespace

std::string table_columns_json(const Kind& kind) {
  std::string out = "\"columnDefinitions\":[";
  for (const Column& column : kind.columns) {
    if (&column != &kind.columns.front()) out += ",";
    out += "{\"name\":";
    append_json_string(out, column.name);
    out += ",\"type\":";
    append_json_string(out, column.type);
    out += ",\"format\":";
    append_json_string(out, column.format);
    out += ",\"description\":";
    append_json_string(out, column.description);
    out += ",\"priority\":" + std::to_string(column.priority) + "}";
  }
  return out + "]";
}

std::string table_row_json(const Kind& kind, const Json& document, std::string_view object_json, IncludeObject include,
                           int64_t now_unix_ns) {
  cells::Row row{document, now_unix_ns, {}};
  std::string out;
  out.reserve(512 + (include == IncludeObject::kObject ? object_json.size() : 0));
  out += "{\"cells\":[";
  for (const Column& column : kind.columns) {
    if (&column != &kind.columns.front()) out += ",";
    put_cell(column, row, out);
  }
  out += "],";
  const auto* object = document.if_object();
  if (kind.behavior->row_conditions != nullptr && object != nullptr) out += kind.behavior->row_conditions(*object);
  out += "\"object\":";
  if (include == IncludeObject::kNone) {
    out += "null";
  } else if (include == IncludeObject::kObject) {
    out += object_json;
  } else {
    // Serialized in place: no copy of the metadata is made.
    out += R"({"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":)";
    const Json* metadata = cells::at(document, "metadata");
    out += metadata == nullptr ? "{}" : boost::json::serialize(*metadata);
    out += "}";
  }
  out += "}";
  return out;
}

Json partial_metadata(const Json& document) {
  boost::json::object out;
  out["kind"] = "PartialObjectMetadata";
  out["apiVersion"] = "meta.k8s.io/v1";
  const Json* metadata = cells::at(document, "metadata");
  out["metadata"] = metadata == nullptr ? Json(boost::json::object()) : *metadata;
  return out;
}

}  // namespace gantry::schema
