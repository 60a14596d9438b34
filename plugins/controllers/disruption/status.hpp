// What a budget's status says, computed from its pods. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/status.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "k8s.io/api/policy/v1/pod_disruption_budget.pb.h"

namespace gantry::disruption {

// After an eviction was allowed the pod is expected to be seen going within this time; then it counts again.
inline constexpr int64_t kDeletionTimeoutNs = 120'000'000'000;

// The pods whose eviction was allowed and that do not go yet.
struct Disrupted {
  google::protobuf::Map<std::string, metav1::Time> pods;
  std::vector<const corev1::Pod*> not_deleted;  // for too long
  int64_t next_check_ms = 0;                    // until the first of them has been there for too long; 0: none
};
Disrupted still_disrupted(const policyv1::PodDisruptionBudgetStatus& status, const std::vector<corev1::Pod>& pods,
                          int64_t now_ns);

// Pods that are ready and neither go nor are about to.
int32_t count_healthy(const std::vector<corev1::Pod>& pods, const Disrupted& disrupted);

struct Counts {
  int32_t healthy = 0;
  int32_t must_be_healthy = 0;
  int32_t expected = 0;
};
// observedGeneration is the budget's own.
policyv1::PodDisruptionBudgetStatus next_status(const policyv1::PodDisruptionBudget& budget, const Counts& counts,
                                                const Disrupted& disrupted, int64_t now_ns);

// The status of one that could not be counted: nothing may be evicted.
policyv1::PodDisruptionBudgetStatus failed_status(const policyv1::PodDisruptionBudget& budget, const Status& failure,
                                                  int64_t now_ns);

// Whether writing `b` in place of `a` would change nothing.
bool same_status(const policyv1::PodDisruptionBudgetStatus& a, const policyv1::PodDisruptionBudgetStatus& b);

// A selector as events quote it.
std::string quoted_selector(const metav1::LabelSelector& selector);

}  // namespace gantry::disruption
