// The mounts of a container: what each has, what the pod wants, what the image wants; inner ones after outer ones. No
// state; any thread.
#pragma once

#include <boost/json.hpp>

#include "spec.hpp"

namespace gantry::oci {

Expected<boost::json::array> spec_mounts(const SpecInput& input);

}  // namespace gantry::oci
