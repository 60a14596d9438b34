#include "conditions.hpp"

#include <utility>

namespace gantry::deployment {

DeploymentCondition make_condition(std::string_view type, std::string_view status, std::string_view reason,
                                   std::string message, int64_t now_ns) {
  DeploymentCondition condition;
  condition.set_type(std::string(type));
  condition.set_status(std::string(status));
  condition.set_reason(std::string(reason));
  condition.set_message(std::move(message));
  *condition.mutable_last_update_time() = to_time(now_ns);
  *condition.mutable_last_transition_time() = to_time(now_ns);
  return condition;
}

void set_condition(DeploymentStatus& status, DeploymentCondition condition) {
  if (const auto* current = sdk::find_condition(status.conditions(), condition.type())) {
    if (current->status() == condition.status()) {
      if (current->reason() == condition.reason()) return;
      *condition.mutable_last_transition_time() = current->last_transition_time();
    }
    sdk::remove_condition(*status.mutable_conditions(), condition.type());
  }
  *status.add_conditions() = std::move(condition);
}

}  // namespace gantry::deployment
