#include "status.hpp"

#include <algorithm>

#include "gantry/ownership.hpp"
#include "gantry/pods.hpp"

namespace gantry::replicaset {
namespace {

bool has_all_labels(const corev1::Pod& pod, const sdk::LabelMap& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto it = pod.metadata().labels().find(label.first);
    return it != pod.metadata().labels().end() && it->second == label.second;
  });
}

// The first failure stays until a round goes well: its time tells since when.
void set_failure(appsv1::ReplicaSetStatus& status, const appsv1::ReplicaSet& set, const Observed& observed) {
  auto& conditions = *status.mutable_conditions();
  const auto failure = std::find_if(conditions.begin(), conditions.end(),
                                    [](const auto& condition) { return condition.type() == kReplicaFailure; });
  if (observed.managed.ok()) {
    if (failure != conditions.end()) conditions.erase(failure);
    return;
  }
  if (failure != conditions.end()) return;
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
    labeled += has_all_labels(pod, set.spec().template_().metadata().labels());
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

int64_t next_availability_ms(const std::vector<corev1::Pod>& active, int32_t min_ready_seconds, int64_t now_ns) {
  constexpr int64_t kNanosPerMilli = 1'000'000;
  int64_t next = 0;
  for (const auto& pod : active) {
    const auto since = sdk::ready_since_ns(pod);
    if (!sdk::is_ready(pod) || !since) continue;
    const int64_t wait_ns = *since + min_ready_seconds * kNanosPerSecond - now_ns;
    if (wait_ns <= 0) continue;
    const int64_t wait_ms = (wait_ns + kNanosPerMilli - 1) / kNanosPerMilli;
    next = next == 0 ? wait_ms : std::min(next, wait_ms);
  }
  return next;
}

}  // namespace gantry::replicaset
