// From a request to its verb: what is asked for, whether the caller may, who answers. [any-thread]
#pragma once

#include "core/apiserver/environment.hpp"

namespace gantry::apiserver {

void dispatch(const CallPtr& call);

}  // namespace gantry::apiserver
