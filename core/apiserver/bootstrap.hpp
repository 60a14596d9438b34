// What a cluster has from its first moment, as its kinds say (Behavior::initial). Blocks; called once, before the
// server serves.
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

Status ensure_initial_objects(const EnvironmentPtr& env);

}  // namespace gantry::apiserver
