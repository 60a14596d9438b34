#include "conditions.hpp"

#include <string_view>

#include "gantry/conditions.hpp"

namespace gantry::job {

batchv1::JobCondition make_condition(const Verdict& verdict, const char* status, int64_t now_ns) {
  batchv1::JobCondition condition;
  condition.set_type(verdict.type);
  condition.set_status(status);
  *condition.mutable_last_probe_time() = to_time(now_ns);
  *condition.mutable_last_transition_time() = to_time(now_ns);
  if (!verdict.reason.empty()) condition.set_reason(verdict.reason);
  if (!verdict.message.empty()) condition.set_message(verdict.message);
  return condition;
}

bool put_condition(batchv1::JobStatus& job, const Verdict& verdict, const char* status, int64_t now_ns) {
  for (auto& condition : *job.mutable_conditions()) {
    if (condition.type() != verdict.type) continue;
    if (condition.status() == status && condition.reason() == verdict.reason &&
        condition.message() == verdict.message) {
      return false;
    }
    condition = make_condition(verdict, status, now_ns);
    return true;
  }
  if (std::string_view(status) == "False") return false;
  *job.add_conditions() = make_condition(verdict, status, now_ns);
  return true;
}

Verdict verdict_of(const batchv1::JobStatus& job, const char* type) {
  const auto* condition = sdk::find_condition(job.conditions(), type);
  if (condition == nullptr || condition->status() != "True") return {};
  return {condition->type(), condition->reason(), condition->message()};
}

}  // namespace gantry::job
