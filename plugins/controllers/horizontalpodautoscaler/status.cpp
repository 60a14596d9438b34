#include "status.hpp"

#include "gantry/conditions.hpp"
#include "gantry/quantity.hpp"

namespace gantry::autoscaler {

void set(autoscalingv2::HorizontalPodAutoscalerStatus& status, std::string_view type, bool is, std::string_view reason,
         std::string_view message, int64_t now_ns) {
  autoscalingv2::HorizontalPodAutoscalerCondition condition;
  condition.set_type(std::string(type));
  condition.set_status(is ? "True" : "False");
  condition.set_reason(std::string(reason));
  condition.set_message(std::string(message));
  sdk::set_condition(*status.mutable_conditions(), std::move(condition), now_ns);
}

void set(autoscalingv2::HorizontalPodAutoscalerStatus& status, const Decision& decision, int64_t now_ns) {
  set(status, kAble, true, decision.able_reason, decision.able_message, now_ns);
  set(status, kLimited, decision.limited, decision.limit_reason, decision.limit_message, now_ns);
}

autoscalingv2::MetricStatus measured(const autoscalingv2::MetricSpec& metric, const Proposal& proposal) {
  autoscalingv2::MetricStatus out;
  out.set_type(metric.type());
  auto* current = metric.type() == "Resource" ? out.mutable_resource()->mutable_current()
                                              : out.mutable_container_resource()->mutable_current();
  if (metric.type() == "Resource") {
    out.mutable_resource()->set_name(metric.resource().name());
  } else {
    out.mutable_container_resource()->set_name(metric.container_resource().name());
    out.mutable_container_resource()->set_container(metric.container_resource().container());
  }
  const auto average = sdk::Quantity::parse(std::to_string(proposal.average) + "m");
  current->mutable_average_value()->set_string(average ? average->to_string() : "0");
  if (proposal.utilization) current->set_average_utilization(*proposal.utilization);
  return out;
}

}  // namespace gantry::autoscaler
