// Inside of the configuration: what values must be beside their type, alone and together.
#pragma once

#include <string>
#include <vector>

#include "core/daemon/config.hpp"

namespace gantry::daemon {

// What the file does not name fits to what it does: shares are no larger than the whole, and a pod range that is
// narrower than a node's usual one belongs to one node.
void fit_defaults(Config& config);
// Adds one message for each rule that the configuration breaks, whatever is on this machine.
void check_rules(const Config& config, std::vector<std::string>& errors);

}  // namespace gantry::daemon
