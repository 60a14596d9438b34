// ComponentStatuses: how each part of the control plane is, made when it is asked for. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"

namespace gantry::kinds::core_component_status {
namespace {

constexpr std::string_view kHealthy = "Healthy";

void describe_part(JsonObject& component, std::string_view trouble) {
  JsonObject condition{{"type", kHealthy}, {"status", trouble.empty() ? "True" : "False"}};
  condition[trouble.empty() ? "message" : "error"] = trouble.empty() ? "ok" : trouble;
  component["conditions"] = JsonArray{std::move(condition)};
}

const Json* health_of(const Row& row) {
  const JsonArray* conditions = list_at(row.document, "conditions");
  for (size_t i = 0; conditions != nullptr && i < conditions->size(); ++i) {
    if (text_at((*conditions)[i], "type") == kHealthy) return &(*conditions)[i];
  }
  return nullptr;
}

void component_health(Row& row, std::string& out) {
  const Json* health = health_of(row);
  if (health == nullptr) return put(out, "Unknown");
  put(out, text_at(*health, "status") == "True" ? kHealthy : "Unhealthy");
}

void component_message(Row& row, std::string& out) {
  const Json* health = health_of(row);
  put(out, health != nullptr ? text_at(*health, "message") : std::string_view());
}

void component_error(Row& row, std::string& out) {
  const Json* health = health_of(row);
  put(out, health != nullptr ? text_at(*health, "error") : std::string_view());
}

constexpr NamedCell kCells[] = {{"component-health", component_health},
                                {"component-message", component_message},
                                {"component-error", component_error}};

}  // namespace

constinit const Behavior behavior{
    .group = "", .kind = "ComponentStatus", .describe_part = describe_part, .cells = kCells, .read_at_once = false};

}  // namespace gantry::kinds::core_component_status
