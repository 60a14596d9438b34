// The pod that a ReplicaSet makes from its template. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::replicaset {

// "<owner>-", or the fallback "replicaset" when that cannot begin a pod's name.
std::string pod_name_prefix(std::string_view owner_name);

corev1::Pod pod_from_template(const appsv1::ReplicaSet& owner);

}  // namespace gantry::replicaset
