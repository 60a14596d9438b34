// Table answers (meta.k8s.io/v1 Table): column definitions, and a row for one object.
// Called by the API server for requests that accept ";as=Table"; pure, any thread.
#include "core/schema/table.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "core/schema/column_path.hpp"
#include "core/schema/table_cells.hpp"
#include "core/schema/text.hpp"

namespace gantry::schema {
namespace {

// Paths whose absence upstream's printers write in a word of their own, and those it computes.
struct Special {
  std::string_view path;
  std::string_view cell;   // a cell function to use instead
  std::string_view empty;  // what stands for nothing
};
constexpr Special kSpecial[] = {
    {".spec.nodeName", "pod-node", {}},
    {".count", "event-count", {}},
    {".deprecatedCount", "event-count", {}},
    {".message", "event-message", {}},
    {".note", "event-message", {}},
    {".status.nodeInfo.osImage", {}, "<unknown>"},
    {".status.nodeInfo.kernelVersion", {}, "<unknown>"},
    {".status.nodeInfo.containerRuntimeVersion", {}, "<unknown>"},
};

void put_value(const Column& column, const Json* value, std::string_view empty, std::string& out) {
  if (column.source.ends_with("abels")) {
    append_json_string(out, cells::format_labels(value));
  } else if (value == nullptr || value->is_null()) {
    // Counts of replicas are numbers in columns that are declared as text.
    if (column.type == "integer" || column.type == "number" || column.source.ends_with("Replicas")) {
      out += "0";
    } else if (column.type == "boolean") {
      out += "false";
    } else {
      append_json_string(out, empty);
    }
  } else if (value->is_string()) {
    const auto& text = value->get_string();
    append_json_string(out, text.empty() ? empty : std::string_view(text.data(), text.size()));
  } else if (value->is_number() || value->is_bool()) {
    out += boost::json::serialize(*value);
  } else {
    append_json_string(out, boost::json::serialize(*value));
  }
}

void put_cell(const Column& column, cells::Row& row, std::string& out) {
  std::string_view source = column.source;
  std::string_view name;
  std::string_view empty;
  if (source.starts_with('@')) name = source.substr(1);
  for (const Special& special : kSpecial) {
    if (special.path != source) continue;
    name = special.cell;
    empty = special.empty;
  }
  if (!name.empty()) {
    if (cells::Cell cell = cells::find_cell(name)) return cell(row, out);
    out += "null";
    return;
  }
  if (source.starts_with('.')) source.remove_prefix(1);
  if (column.type == "date") return append_json_string(out, cells::since(row.document, source, row.now_ns));
  const bool picks = source.find('[') != std::string_view::npos;
  put_value(column, picks ? find_path(row.document, source) : cells::at(row.document, source), empty, out);
}

// Rows of pods that have ended say so, for clients that hide them.
std::string_view conditions_of(const Kind& kind, const Json& document) {
  if (kind.kind != "Pod" || !kind.group.empty()) return {};
  std::string_view phase = cells::text_at(document, "status.phase");
  if (phase == "Succeeded") {
    return R"("conditions":[{"type":"Completed","status":"True","reason":"Succeeded",)"
           R"("message":"The pod has completed successfully."}],)";
  }
  if (phase == "Failed") {
    return R"("conditions":[{"type":"Completed","status":"True","reason":"Failed",)"
           R"("message":"The pod failed."}],)";
  }
  return {};
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
  out += conditions_of(kind, document);
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
