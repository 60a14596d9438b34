// What a ReplicaSet's status says, computed from its pods (sdk's replica_status.hpp). Pure, any thread.
#pragma once

#include "gantry/replica_status.hpp"
#include "k8s.io/api/apps/v1/replica_set.pb.h"

namespace gantry::replicaset {

using Observed = sdk::ReplicasSeen;

inline appsv1::ReplicaSetStatus next_status(const appsv1::ReplicaSet& set, const Observed& observed) {
  return sdk::next_replica_status(set, observed);
}

inline bool same_status(const appsv1::ReplicaSetStatus& a, const appsv1::ReplicaSetStatus& b) {
  return sdk::same_replica_status(a, b);
}

}  // namespace gantry::replicaset
