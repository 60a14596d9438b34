// The disruption controller: keeps the status of PodDisruptionBudgets, by which the API server allows evictions, and
// takes back the condition DisruptionTarget of pods that did not go.
//
// Keys are budgets, and "pod/NAME" for pods with the condition ('/' is in no object's name). All state is in the API;
// the index of selectors is filled anew from the cache. reconcile runs on the host's workers.
#pragma once

#include <string>
#include <vector>

#include "budget_index.hpp"
#include "gantry/controller.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "k8s.io/api/policy/v1/pod_disruption_budget.pb.h"
#include "scales.hpp"

namespace gantry::disruption {

class DisruptionController : public sdk::Controller {
 public:
  explicit DisruptionController(sdk::Host host) : Controller(host), index_(host) {}

  abi::ControllerSpec spec() const override;
  void map(const abi::ObjectEvent& event, const Emit& emit) override;
  Expected<Result> reconcile(const Key& key) override;
  Status configure() override;

 private:
  void map_pod(const abi::ObjectEvent& event, const Emit& emit);
  void emit_budgets(const corev1::Pod& pod, const Emit& emit);
  template <typename Owner>
  void map_owner(const abi::ObjectEvent& event, const Emit& emit);
  Expected<Result> count(const policyv1::PodDisruptionBudget& budget);
  Expected<std::vector<corev1::Pod>> pods_of(const policyv1::PodDisruptionBudget& budget) const;
  Status fail_safe(policyv1::PodDisruptionBudget budget, const Status& failure) const;
  Status write(policyv1::PodDisruptionBudget budget, policyv1::PodDisruptionBudgetStatus status) const;
  Expected<Result> take_back_stale(const std::string& ns, const std::string& name) const;
  void tell(const policyv1::PodDisruptionBudget& budget, const char* type, const char* reason,
            const std::string& message) const;

  int64_t workers_ = 5;
  BudgetIndex index_;
  ScaleResources scale_resources_;
};

}  // namespace gantry::disruption
