#include "conditions.hpp"

#include <algorithm>
#include <utility>

#include "gantry/times.hpp"

namespace gantry::deployment {

const DeploymentCondition* find_condition(const DeploymentStatus& status, std::string_view type) {
  for (const auto& condition : status.conditions()) {
    if (condition.type() == type) return &condition;
  }
  return nullptr;
}

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
  if (const auto* current = find_condition(status, condition.type())) {
    if (current->status() == condition.status()) {
      if (current->reason() == condition.reason()) return;
      *condition.mutable_last_transition_time() = current->last_transition_time();
    }
    remove_condition(status, condition.type());
  }
  *status.add_conditions() = std::move(condition);
}

void remove_condition(DeploymentStatus& status, std::string_view type) {
  auto& all = *status.mutable_conditions();
  all.erase(std::remove_if(all.begin(), all.end(), [&](const auto& condition) { return condition.type() == type; }),
            all.end());
}

}  // namespace gantry::deployment
