// What a cluster has from its first moment: the initial namespaces. Blocks; called once, before the server serves.
#pragma once

#include "core/apiserver/environment.hpp"

namespace gantry::apiserver {

Status ensure_namespaces(const EnvironmentPtr& env);

}  // namespace gantry::apiserver
