// /healthz, /livez and /readyz, with ?verbose, ?exclude=name and a path for each check. [any-thread]
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

// False: not one of the health paths, nothing is answered.
bool is_health_path(std::string_view path);
void respond_health(Call& call);

}  // namespace gantry::apiserver
