// Events have two APIs over one set of objects: they are stored as those of the core group; events.k8s.io calls some of
// their fields by other names. Pure, any thread.
#include <array>
#include <utility>

#include "core/apiserver/strategies/strategy.hpp"

namespace gantry::apiserver {
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

}  // namespace

const Shared kCoreEvents{.group = "", .version = "v1", .plural = "events", .seen = to_events, .stored = to_core};

}  // namespace gantry::apiserver
