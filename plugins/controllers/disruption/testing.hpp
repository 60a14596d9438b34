// Objects that this controller's tests share.
#pragma once

#include <string>

#include "gantry/times.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "k8s.io/api/policy/v1/pod_disruption_budget.pb.h"

namespace gantry::disruption {

inline constexpr int64_t kNow = 1'700'000'000 * kNanosPerSecond;

inline policyv1::PodDisruptionBudget budget_of(const std::string& name, const std::string& app) {
  policyv1::PodDisruptionBudget budget;
  budget.mutable_metadata()->set_namespace_("shop");
  budget.mutable_metadata()->set_name(name);
  budget.mutable_metadata()->set_generation(3);
  (*budget.mutable_spec()->mutable_selector()->mutable_match_labels())["app"] = app;
  return budget;
}

inline void set_number(k8s::io::apimachinery::pkg::util::intstr::IntOrString& value, int32_t number) {
  value.set_type(0);
  value.set_int_val(number);
}
inline void set_share(k8s::io::apimachinery::pkg::util::intstr::IntOrString& value, const std::string& share) {
  value.set_type(1);
  value.set_str_val(share);
}

inline corev1::Pod pod_of(const std::string& name, const std::string& app, bool ready = true) {
  corev1::Pod pod;
  pod.mutable_metadata()->set_namespace_("shop");
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_uid("uid-" + name);
  (*pod.mutable_metadata()->mutable_labels())["app"] = app;
  pod.mutable_status()->set_phase("Running");
  auto& condition = *pod.mutable_status()->add_conditions();
  condition.set_type("Ready");
  condition.set_status(ready ? "True" : "False");
  return pod;
}

template <typename Meta>
void own(Meta& meta, const std::string& api_version, const std::string& kind, const std::string& name) {
  auto& owner = *meta.add_owner_references();
  owner.set_api_version(api_version);
  owner.set_kind(kind);
  owner.set_name(name);
  owner.set_uid("uid-" + name);
  owner.set_controller(true);
}

}  // namespace gantry::disruption
