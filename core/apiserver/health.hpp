// /healthz, /livez, /readyz: is the server alive, is it ready. [any-thread]
#pragma once

#include <string_view>

#include "core/apiserver/environment.hpp"

namespace gantry::apiserver {

bool is_health_path(std::string_view path);
// `?verbose` lists the checks, `/readyz/NAME` asks one, `?exclude=NAME` leaves one out.
void answer_health(const Environment& env, const http::Request& request, http::Exchange& exchange);

}  // namespace gantry::apiserver
