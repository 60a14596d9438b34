// What an autoscaler's status says: conditions, and what was measured. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "behaviour.hpp"
#include "k8s.io/api/autoscaling/v2/horizontal_pod_autoscaler.pb.h"
#include "replica_math.hpp"

namespace gantry::autoscaler {

inline constexpr char kActive[] = "ScalingActive", kAble[] = "AbleToScale", kLimited[] = "ScalingLimited";

void set(autoscalingv2::HorizontalPodAutoscalerStatus& status, std::string_view type, bool is, std::string_view reason,
         std::string_view message, int64_t now_ns);

// What AbleToScale and ScalingLimited say of a decision.
void set(autoscalingv2::HorizontalPodAutoscalerStatus& status, const Decision& decision, int64_t now_ns);

// Of a Resource or ContainerResource metric.
autoscalingv2::MetricStatus measured(const autoscalingv2::MetricSpec& metric, const Proposal& proposal);

}  // namespace gantry::autoscaler
