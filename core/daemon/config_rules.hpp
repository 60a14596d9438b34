// Inside of the configuration: what values must be beside their type, alone and together.
#pragma once

#include <string>
#include <vector>

#include "core/daemon/config.hpp"

namespace gantry::daemon {

// Shares that the file does not name are no larger than the whole that it does.
void fit_shares(Config& config);
// Adds one message for each rule that the configuration breaks, whatever is on this machine.
void check_rules(const Config& config, std::vector<std::string>& errors);

}  // namespace gantry::daemon
