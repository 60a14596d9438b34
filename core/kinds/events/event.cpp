// Events of events.k8s.io: the objects of the core group's, some of whose fields have other names here, and stricter
// rules for what is written so. Pure functions, any thread.
#include "core/kinds/parts/event.hpp"

#include <array>
#include <utility>

namespace gantry::kinds::events_event {
namespace {

struct Renamed {
  std::string_view core, events;
};
constexpr std::array kRenamed{Renamed{"involvedObject", "regarding"},
                              Renamed{"message", "note"},
                              Renamed{"source", "deprecatedSource"},
                              Renamed{"firstTimestamp", "deprecatedFirstTimestamp"},
                              Renamed{"lastTimestamp", "deprecatedLastTimestamp"},
                              Renamed{"count", "deprecatedCount"},
                              Renamed{"reportingComponent", "reportingController"}};

void rename(JsonObject& object, std::string_view from, std::string_view to) {
  const auto found = object.find(from);
  if (found == object.end()) return;
  Json value = std::move(found->value());
  object.erase(found);
  object.insert_or_assign(to, std::move(value));
}

void to_events(JsonObject& event) {
  for (const auto& field : kRenamed) rename(event, field.core, field.events);
}

void to_core(JsonObject& event) {
  for (const auto& field : kRenamed) rename(event, field.events, field.core);
}

// The fields of events.k8s.io that stay as they are, and what messages call them.
struct EventField {
  std::string_view key, said;
};
constexpr EventField kEventFields[] = {{"regarding", "involvedObject"},
                                       {"reason", "reason"},
                                       {"note", "message"},
                                       {"deprecatedSource", "source"},
                                       {"deprecatedFirstTimestamp", "firstTimestamp"},
                                       {"deprecatedLastTimestamp", "lastTimestamp"},
                                       {"deprecatedCount", "count"},
                                       {"type", "type"},
                                       {"eventTime", "eventTime"},
                                       {"action", "action"},
                                       {"related", "related"},
                                       {"reportingController", "reportingController"},
                                       {"reportingInstance", "reportingInstance"}};

bool same_value(const Json* one, const Json* other) {
  if (!is_set(one) || !is_set(other)) return is_set(one) == is_set(other);
  return same_json(*one, *other);
}

void check_series(const JsonObject& event, const At& root, Errors& errors) {
  const JsonObject* series = get_object(event, "series");
  if (series == nullptr) return;
  const At here = root.child("series");
  const Json* count = get(*series, "count");
  const bool number = count != nullptr && count->is_int64();
  if (!number || count->get_int64() < 2) errors.invalid(here, "count", "", "should be at least 2");
  if (!is_set(get(*series, "lastObservedTime"))) errors.required(here, "lastObservedTime");
}

void check_new_event(const JsonObject& event, const At& root, Errors& errors) {
  check_event_texts(event, "note", root, errors);
  check_series(event, root, errors);
  for (const auto& field : kEventFields) {
    const bool old = field.key.starts_with("deprecated");
    if (old && is_set(get(event, field.key))) errors.invalid(root, field.said, "", "needs to be unset");
  }
}

void check_changed_event(const JsonObject& event, const JsonObject& old, const At& root, Errors& errors) {
  if (!same_value(get(event, "series"), get(old, "series"))) check_series(event, root, errors);
  for (const auto& field : kEventFields) {
    const Json* value = get(event, field.key);
    if (same_value(value, get(old, field.key))) continue;
    errors.invalid(root, field.said, value == nullptr ? Json() : *value, "field is immutable");
  }
}

void validate(const JsonObject& event, const JsonObject* old, Errors& errors) {
  At root;
  if (old != nullptr) return check_changed_event(event, *old, root, errors);
  check_event_place(event, "regarding", errors);
  check_new_event(event, root, errors);
}

constexpr schema::Conversion kCoreEvents{
    .group = "", .version = "v1", .plural = "events", .from_stored = to_events, .to_stored = to_core};

}  // namespace

constinit const Behavior behavior{.group = "events.k8s.io",
                                  .kind = "Event",
                                  .validate = validate,
                                  .last_written = event_last_written,
                                  .cells = kEventCells,
                                  .create_on_update = true,
                                  .read_at_once = false,
                                  .conversion = &kCoreEvents};

}  // namespace gantry::kinds::events_event
