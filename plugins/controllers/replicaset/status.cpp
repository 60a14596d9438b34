#include "status.hpp"

#include <algorithm>

#include "gantry/conditions.hpp"
#include "gantry/pods.hpp"
#include "gantry/selectors.hpp"

namespace gantry::replicaset {
namespace {

// The first failure stays until a round goes well: its time tells since when.
void set_failure(appsv1::ReplicaSetStatus& status, const appsv1::ReplicaSet& set, const Observed& observed) {
  auto& conditions = *status.mutable_conditions();
  if (observed.managed.ok()) {
    sdk::remove_condition(conditions, kReplicaFailure);
    return;
  }
  if (sdk::find_condition(conditions, kReplicaFailure) != nullptr) return;
  const auto have = static_cast<int64_t>(observed.active.size());
  auto& condition = *conditions.Add();
  condition.set_type(kReplicaFailure);
  condition.set_status("True");
  *condition.mutable_last_transition_time() = to_time(observed.now_ns);
  condition.set_reason(have < set.spec().replicas() ? "FailedCreate" : "FailedDelete");
  condition.set_message(observed.managed.message());
}

bool same_condition(const appsv1::ReplicaSetCondition& a, const appsv1::ReplicaSetCondition& b) {
  return a.type() == b.type() && a.status() == b.status() && a.reason() == b.reason() && a.message() == b.message() &&
         a.last_transition_time().seconds() == b.last_transition_time().seconds();
}

}  // namespace

appsv1::ReplicaSetStatus next_status(const appsv1::ReplicaSet& set, const Observed& observed) {
  appsv1::ReplicaSetStatus status = set.status();
  int32_t labeled = 0, ready = 0, available = 0;
  for (const auto& pod : observed.active) {
    labeled += sdk::has_labels(pod.metadata().labels(), set.spec().template_().metadata().labels());
    ready += sdk::is_ready(pod);
    available += sdk::is_available(pod, set.spec().min_ready_seconds(), observed.now_ns);
  }
  status.set_replicas(static_cast<int32_t>(observed.active.size()));
  status.set_fully_labeled_replicas(labeled);
  status.set_ready_replicas(ready);
  status.set_available_replicas(available);
  status.set_terminating_replicas(static_cast<int32_t>(observed.terminating));
  status.set_observed_generation(set.metadata().generation());
  set_failure(status, set, observed);
  return status;
}

bool same_status(const appsv1::ReplicaSetStatus& a, const appsv1::ReplicaSetStatus& b) {
  return a.replicas() == b.replicas() && a.fully_labeled_replicas() == b.fully_labeled_replicas() &&
         a.ready_replicas() == b.ready_replicas() && a.available_replicas() == b.available_replicas() &&
         a.has_terminating_replicas() == b.has_terminating_replicas() &&
         a.terminating_replicas() == b.terminating_replicas() && a.observed_generation() == b.observed_generation() &&
         std::equal(a.conditions().begin(), a.conditions().end(), b.conditions().begin(), b.conditions().end(),
                    same_condition);
}

}  // namespace gantry::replicaset
