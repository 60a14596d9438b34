// The pod that a ReplicaSet makes from its template. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "gantry/resources.hpp"

namespace gantry::replicaset {

// "<owner>-", or the fallback "replicaset" when that cannot begin a pod's name.
std::string pod_name_prefix(std::string_view owner_name);

corev1::Pod pod_from_template(const appsv1::ReplicaSet& owner);

}  // namespace gantry::replicaset
