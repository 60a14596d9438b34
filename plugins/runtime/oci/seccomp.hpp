// The system call filter of a container. No state; any thread.
#pragma once

#include <boost/json.hpp>

#include "gantry/runtime.pb.h"
#include "gantry/status.hpp"

namespace gantry::oci {

// linux.seccomp; null for an unconfined container. Localhost profiles are read from their file.
Expected<boost::json::value> seccomp_filter(const gantry::runtime::v1::LinuxContainerSecurityContext& context);

}  // namespace gantry::oci
