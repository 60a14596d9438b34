// From a request to its verb: what is asked for, whether the caller may, who answers. [any-thread]
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

void dispatch(const CallPtr& call);
// Whether a request may go on to send its body.
Status check_head(const EnvironmentPtr& env, http::Request& head);

}  // namespace gantry::apiserver
