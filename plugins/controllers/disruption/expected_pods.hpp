// How many pods a budget counts, and how many of them must stay healthy. [worker]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/host.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "k8s.io/api/policy/v1/pod_disruption_budget.pb.h"
#include "scales.hpp"

namespace gantry::disruption {

struct ExpectedPods {
  int32_t pods = 0;
  int32_t healthy = 0;                 // that must stay
  std::vector<std::string> unmanaged;  // pods without a controller, which no scale counts
};

// minAvailable as a number counts the pods that are there; shares, and maxUnavailable, the scales of their controllers.
Expected<ExpectedPods> expected_pods(const sdk::Host& host, ScaleResources& resources,
                                     const policyv1::PodDisruptionBudget& budget, const std::vector<corev1::Pod>& pods);

}  // namespace gantry::disruption
