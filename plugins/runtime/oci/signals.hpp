// Signals by the names and numbers that images and CRI use. No state; any thread.
#pragma once

#include <string>

#include "gantry/runtime.pb.h"

namespace gantry::oci {

// The kernel's number of the signal that asks a container to end: the pod's word, else the image's ("SIGQUIT", "QUIT",
// "3"), else SIGTERM.
int stop_signal(gantry::runtime::v1::Signal wanted, const std::string& image);

}  // namespace gantry::oci
