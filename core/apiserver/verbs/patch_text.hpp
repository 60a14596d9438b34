// How messages quote a patch and what it made, not much longer than is useful. Pure, any thread.
#pragma once

#include <string>

#include "core/apiserver/request/documents.hpp"

namespace gantry::apiserver {

// `map[spec:map[replicas:3]]`, as Go prints it.
std::string go_text(const Json& value);
std::string json_text(const Json& value);

}  // namespace gantry::apiserver
