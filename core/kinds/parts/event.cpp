#include "core/kinds/parts/event.hpp"

#include <algorithm>

#include "core/schema/values/values.hpp"

namespace gantry::kinds {
namespace {

// Events come in two spellings (core/v1 and events.k8s.io/v1) of the same fields.
bool has(const Json& value, std::string_view path) {
  const Json* found = at(value, path);
  return found != nullptr && !found->is_null();
}

std::string event_first(const Row& row) {
  for (std::string_view path : {"firstTimestamp", "deprecatedFirstTimestamp"}) {
    if (has(row.document, path)) return since(row.document, path, row.now_ns);
  }
  return since(row.document, "eventTime", row.now_ns);
}

std::string_view first_text(const Json& value, std::initializer_list<std::string_view> paths) {
  for (std::string_view path : paths) {
    if (std::string_view text = text_at(value, path); !text.empty()) return text;
  }
  return {};
}

}  // namespace

int64_t event_last_written(const JsonObject& event) {
  const JsonObject* metadata = get_object(event, "metadata");
  const JsonObject* series = get_object(event, "series");
  int64_t latest = 0;
  for (const auto text :
       {metadata == nullptr ? std::string_view() : get_text(*metadata, "creationTimestamp"),
        get_text(event, "lastTimestamp"), get_text(event, "eventTime"), get_text(event, "deprecatedLastTimestamp"),
        series == nullptr ? std::string_view() : get_text(*series, "lastObservedTime")}) {
    const auto time = schema::parse_time(text);
    if (time) latest = std::max(latest, *time);
  }
  return latest;
}

void event_last_seen(Row& row, std::string& out) {
  if (has(row.document, "series")) {
    return put(out, since(row.document, "series.lastObservedTime", row.now_ns));
  }
  for (std::string_view path : {"lastTimestamp", "deprecatedLastTimestamp"}) {
    if (has(row.document, path)) return put(out, since(row.document, path, row.now_ns));
  }
  put(out, event_first(row));
}

void event_first_seen(Row& row, std::string& out) { put(out, event_first(row)); }

void event_count(Row& row, std::string& out) {
  int64_t count = number_at(row.document, "count");
  if (count == 0) count = number_at(row.document, "deprecatedCount");
  if (has(row.document, "series")) {
    count = number_at(row.document, "series.count");
  } else if (count == 0) {
    count = 1;  // an event that happened once need not say so
  }
  out += std::to_string(count);
}

void event_object(Row& row, std::string& out) {
  const Json* about = at(row.document, "involvedObject");
  if (about == nullptr) about = at(row.document, "regarding");
  if (about == nullptr) return put(out, "");
  std::string text(text_at(*about, "kind"));
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  std::string_view name = text_at(*about, "name");
  if (!name.empty()) (text += "/") += name;
  put(out, text);
}

void event_source(Row& row, std::string& out) {
  std::string text(first_text(
      row.document, {"source.component", "deprecatedSource.component", "reportingComponent", "reportingController"}));
  std::string_view host = first_text(row.document, {"source.host", "deprecatedSource.host", "reportingInstance"});
  if (!host.empty()) (text += ", ") += host;
  put(out, text);
}

void event_message(Row& row, std::string& out) {
  std::string_view text = first_text(row.document, {"message", "note"});
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  size_t start = std::min(text.find_first_not_of(kSpace), text.size());
  text.remove_prefix(start);
  put(out, text.substr(0, text.find_last_not_of(kSpace) + 1));
}

bool is_set(const Json* value) {
  if (value == nullptr || value->is_null()) return false;
  if (const auto* object = value->if_object()) return !object->empty();
  if (const auto* text = value->if_string()) return !text->empty();
  return !value->is_int64() || value->get_int64() != 0;
}

void check_event_place(const JsonObject& event, std::string_view about, Errors& errors) {
  const JsonObject* metadata = get_object(event, "metadata");
  const std::string_view ns = metadata != nullptr ? get_text(*metadata, "namespace") : std::string_view();
  const JsonObject* object = get_object(event, about);
  const std::string_view about_ns = object != nullptr ? get_text(*object, "namespace") : std::string_view();
  const bool fits = about_ns.empty() ? ns == "default" || ns == "kube-system" || ns.empty() : about_ns == ns;
  if (fits) return;
  At root;
  At here = root.child("involvedObject");
  errors.invalid(here, "namespace", Json(about_ns), "does not match event.namespace");
}

void check_event_texts(const JsonObject& event, std::string_view note, const At& root, Errors& errors) {
  for (std::string_view key : {"reportingInstance", "action", "reason"}) {
    if (get_text(event, key).size() > 128) errors.invalid(root, key, "", "can have at most 128 characters");
  }
  if (get_text(event, note).size() > 1024) errors.invalid(root, "message", "", "can have at most 1024 characters");
}

}  // namespace gantry::kinds
