// Finds the container that a request for logs or exec means. [any-thread]; in verbs_exec.cpp.
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

struct FoundContainer {
  client::PodRef pod;
  std::string container;
};

// The call's pod and the container of that name, or its only one; NotFound, or BadRequest in upstream's words.
Expected<FoundContainer> find_container(const Call& call, std::string_view container);
// What to say when the pod's node cannot be asked.
Status no_node(const client::PodRef& pod);

}  // namespace gantry::apiserver
