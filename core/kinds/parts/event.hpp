// What the two kinds of Events share, which are one set of objects. Pure functions, any thread.
#pragma once

#include "core/kinds/parts/cells.hpp"

namespace gantry::kinds {

bool is_set(const Json* value);
// `about`: the object at involvedObject or regarding. What has no namespace is told of in the default one, or where
// system components report.
void check_event_place(const JsonObject& event, std::string_view about, Errors& errors);
// events.k8s.io limits the texts of an event that is new; the older group takes what older clients send, unless it
// says when in the newer way.
void check_event_texts(const JsonObject& event, std::string_view note, const At& root, Errors& errors);

// Unix ns; 0: it does not say.
int64_t event_last_written(const JsonObject& event);

void event_last_seen(Row& row, std::string& out);
void event_first_seen(Row& row, std::string& out);
void event_count(Row& row, std::string& out);
void event_object(Row& row, std::string& out);
void event_source(Row& row, std::string& out);
void event_message(Row& row, std::string& out);
inline constexpr NamedCell kEventCells[] = {
    {"event-last-seen", event_last_seen}, {"event-first-seen", event_first_seen}, {"event-count", event_count},
    {"event-object", event_object},       {"event-source", event_source},         {"event-message", event_message}};

}  // namespace gantry::kinds
