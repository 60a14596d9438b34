// The options that every write has: dryRun, fieldValidation, fieldManager. [any-thread]
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

// Reads them into the call. Error: 422 in upstream's words.
Status read_write_options(Call& call, std::string_view verb);

}  // namespace gantry::apiserver
