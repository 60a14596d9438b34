#include "health.hpp"

#include "gantry/conditions.hpp"

namespace gantry::nodelifecycle {
namespace {

// NetworkUnavailable is not a kubelet's.
constexpr const char* kOfKubelets[] = {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"};

corev1::NodeCondition* find(corev1::Node& node, std::string_view type) {
  for (auto& condition : *node.mutable_status()->mutable_conditions()) {
    if (condition.type() == type) return &condition;
  }
  return nullptr;
}

}  // namespace

const corev1::NodeCondition* ready_condition(const corev1::Node& node) {
  return sdk::find_condition(node.status().conditions(), "Ready");
}

Ready readiness(const corev1::Node& node) {
  const auto* condition = ready_condition(node);
  if (condition == nullptr) return Ready::kNever;
  if (condition->status() == "True") return Ready::kTrue;
  return condition->status() == "False" ? Ready::kFalse : Ready::kUnknown;
}

bool make_unknown(corev1::Node& node, int64_t now_ns) {
  bool changed = false;
  for (const char* type : kOfKubelets) {
    auto* condition = find(node, type);
    if (condition != nullptr && condition->status() == "Unknown") continue;
    changed = true;
    const bool never = condition == nullptr;
    if (never) {
      condition = node.mutable_status()->add_conditions();
      condition->set_type(type);
      *condition->mutable_last_heartbeat_time() = node.metadata().creation_timestamp();
    }
    condition->set_status("Unknown");
    condition->set_reason(never ? "NodeStatusNeverUpdated" : "NodeStatusUnknown");
    condition->set_message(never ? "Kubelet never posted node status." : "Kubelet stopped posting node status.");
    *condition->mutable_last_transition_time() = to_time(now_ns);
  }
  return changed;
}

}  // namespace gantry::nodelifecycle
