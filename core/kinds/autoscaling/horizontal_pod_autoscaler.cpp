// HorizontalPodAutoscalers, as they are stored (v2). Pure functions, any thread.
#include "core/kinds/parts/autoscaler.hpp"

namespace gantry::kinds::autoscaling_horizontal_pod_autoscaler {
namespace {

constexpr int64_t kPeriod = 15;

void default_rules(JsonObject& rules, JsonArray policies) {
  if (get(rules, "selectPolicy") == nullptr) rules["selectPolicy"] = "Max";
  if (get(rules, "policies") == nullptr) rules["policies"] = std::move(policies);
}

Json policy(std::string_view type, int64_t value) {
  return {{"type", type}, {"value", value}, {"periodSeconds", kPeriod}};
}

void default_after(JsonObject& autoscaler) {
  JsonObject& spec = ensure_object(autoscaler, "spec");
  if (!has_items(spec, "metrics")) spec["metrics"] = JsonArray{cpu_target(kDefaultCpu)};
  JsonObject* behavior = get_object(spec, "behavior");
  if (behavior == nullptr) return;
  JsonObject& up = ensure_object(*behavior, "scaleUp");
  default_rules(up, {policy("Pods", 4), policy("Percent", 100)});
  if (get(up, "stabilizationWindowSeconds") == nullptr) up["stabilizationWindowSeconds"] = 0;
  // How long one waits before it shrinks is the controller's to say.
  default_rules(ensure_object(*behavior, "scaleDown"), {policy("Percent", 100)});
}

constexpr NamedCell kCells[] = {{"autoscaler-reference", autoscaler_reference},
                                {"autoscaler-targets", autoscaler_targets}};

}  // namespace

constinit const Behavior behavior{.group = "autoscaling",
                                  .kind = "HorizontalPodAutoscaler",
                                  .version = "v2",
                                  .default_before = drop_autoscaler_annotations,
                                  .default_after = default_after,
                                  .validate = check_autoscaler,
                                  .cells = kCells,
                                  .read_at_once = false};

}  // namespace gantry::kinds::autoscaling_horizontal_pod_autoscaler
