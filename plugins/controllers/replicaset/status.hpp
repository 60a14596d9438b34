// What a ReplicaSet's status says, computed from its pods. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gantry/status.hpp"
#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::replicaset {

inline constexpr char kReplicaFailure[] = "ReplicaFailure";

struct Observed {
  const std::vector<corev1::Pod>& active;
  size_t terminating = 0;
  Status managed;  // how creating and deleting went
  int64_t now_ns = 0;
};

// observedGeneration is the set's own: what it wants has been looked at.
appsv1::ReplicaSetStatus next_status(const appsv1::ReplicaSet& set, const Observed& observed);

// Whether writing `next` would change nothing. Absent and zero counts are the same to the API.
bool same_status(const appsv1::ReplicaSetStatus& a, const appsv1::ReplicaSetStatus& b);

}  // namespace gantry::replicaset
