// The table of HorizontalPodAutoscalers. Pure functions, any thread.
#include "core/kinds/parts/autoscaler.hpp"

namespace gantry::kinds {
namespace {

constexpr size_t kMostTargets = 2;

// A percentage, or a quantity.
std::string amount(const JsonObject& values, std::string_view key, std::string_view otherwise) {
  const Json* value = get(values, key);
  if (value != nullptr && value->is_int64()) return std::to_string(value->get_int64()) + "%";
  const std::string_view text = get_text(values, key);
  return std::string(text.empty() ? otherwise : text);
}

// The member of a metric that is named after its type.
std::string source_of(const JsonObject& metric) {
  std::string key(get_text(metric, "type"));
  if (!key.empty() && key[0] >= 'A' && key[0] <= 'Z') key[0] = static_cast<char>(key[0] - 'A' + 'a');
  return key;
}

// "cpu: 30%/80%"
std::string target_text(const JsonObject& metric, const JsonObject* status) {
  const std::string key = source_of(metric);
  const JsonObject* source = get_object(metric, key);
  if (source == nullptr) return "<unknown type>";
  const JsonObject& target = object_at(*source, "target");
  static const JsonObject kNone;
  const JsonObject& current = object_at(object_at(status != nullptr ? *status : kNone, key), "current");
  const bool of_resource = key == "resource" || key == "containerResource";
  const bool average = get(target, "averageValue") != nullptr;
  const std::string_view member = average ? "averageValue" : of_resource ? "averageUtilization" : "value";
  std::string out = of_resource ? std::string(get_text(*source, "name")) + ": " : std::string();
  out += amount(current, member, "<unknown>") + "/" + amount(target, member, of_resource ? "<auto>" : "<unknown>");
  return average && (key == "object" || key == "external") ? out + " (avg)" : out;
}

}  // namespace

void autoscaler_reference(Row& row, std::string& out) {
  put(out, std::string(text_at(row.document, "spec.scaleTargetRef.kind")) + "/" +
               std::string(text_at(row.document, "spec.scaleTargetRef.name")));
}

void autoscaler_targets(Row& row, std::string& out) {
  const JsonArray* metrics = list_at(row.document, "spec.metrics");
  const JsonArray* current = list_at(row.document, "status.currentMetrics");
  if (metrics == nullptr || metrics->empty()) return put(out, "<none>");
  std::string text;
  for (size_t i = 0; i < metrics->size() && i < kMostTargets; ++i) {
    const auto* metric = (*metrics)[i].if_object();
    const auto* status = current != nullptr && i < current->size() ? (*current)[i].if_object() : nullptr;
    if (metric != nullptr) text.append(i > 0 ? ", " : "").append(target_text(*metric, status));
  }
  if (metrics->size() > kMostTargets) text += " + " + std::to_string(metrics->size() - kMostTargets) + " more...";
  put(out, text);
}

}  // namespace gantry::kinds
