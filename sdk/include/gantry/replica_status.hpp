// What the status says of a kind that keeps a number of equal pods (ReplicaSet, ReplicationController): counts, and the
// condition ReplicaFailure. Pure, any thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "gantry/conditions.hpp"
#include "gantry/status.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "k8s.io/api/core/v1/pod_template.pb.h"

namespace gantry::sdk {

inline constexpr char kReplicaFailure[] = "ReplicaFailure";

// What a round found, and how creating and deleting went.
struct ReplicasSeen {
  const std::vector<corev1::Pod>& active;
  size_t terminating = 0;
  Status managed;
  int64_t now_ns = 0;
};

struct ReplicaCounts {
  int32_t labeled = 0, ready = 0, available = 0;
};
// `labeled` are those that carry every label of the template.
ReplicaCounts count_replicas(const std::vector<corev1::Pod>& active, const corev1::PodTemplateSpec& from,
                             int32_t min_ready_seconds, int64_t now_ns);

// The first failure stays until a round goes well: its time tells since when.
template <typename Condition>
void set_replica_failure(google::protobuf::RepeatedPtrField<Condition>& conditions, int64_t wanted,
                         const ReplicasSeen& seen) {
  if (seen.managed.ok()) {
    remove_condition(conditions, kReplicaFailure);
    return;
  }
  if (find_condition(conditions, kReplicaFailure) != nullptr) return;
  Condition failure;
  failure.set_type(kReplicaFailure);
  failure.set_status("True");
  failure.set_reason(static_cast<int64_t>(seen.active.size()) < wanted ? "FailedCreate" : "FailedDelete");
  failure.set_message(seen.managed.message());
  set_condition(conditions, std::move(failure), seen.now_ns);
}

// The status of `owner` after a round. observedGeneration is its own: what it wants has been looked at.
template <typename Owner>
auto next_replica_status(const Owner& owner, const ReplicasSeen& seen) {
  auto status = owner.status();
  const auto& spec = owner.spec();
  const auto counts = count_replicas(seen.active, spec.template_(), spec.min_ready_seconds(), seen.now_ns);
  status.set_replicas(static_cast<int32_t>(seen.active.size()));
  status.set_fully_labeled_replicas(counts.labeled);
  status.set_ready_replicas(counts.ready);
  status.set_available_replicas(counts.available);
  if constexpr (requires { status.set_terminating_replicas(0); }) {
    status.set_terminating_replicas(static_cast<int32_t>(seen.terminating));
  }
  status.set_observed_generation(owner.metadata().generation());
  set_replica_failure(*status.mutable_conditions(), spec.replicas(), seen);
  return status;
}

// Whether writing `b` in place of `a` would change nothing. Absent and zero counts are the same to the API.
template <typename Status>
bool same_replica_status(const Status& a, const Status& b) {
  if constexpr (requires { a.terminating_replicas(); }) {
    if (a.has_terminating_replicas() != b.has_terminating_replicas()) return false;
    if (a.terminating_replicas() != b.terminating_replicas()) return false;
  }
  const auto same = [](const auto& one, const auto& other) {
    return one.type() == other.type() && one.status() == other.status() && one.reason() == other.reason() &&
           one.message() == other.message() &&
           one.last_transition_time().seconds() == other.last_transition_time().seconds();
  };
  return a.replicas() == b.replicas() && a.fully_labeled_replicas() == b.fully_labeled_replicas() &&
         a.ready_replicas() == b.ready_replicas() && a.available_replicas() == b.available_replicas() &&
         a.observed_generation() == b.observed_generation() &&
         std::equal(a.conditions().begin(), a.conditions().end(), b.conditions().begin(), b.conditions().end(), same);
}

}  // namespace gantry::sdk
