// Inside of the configuration: the tables [plugin.NAME].
#pragma once

#include <string>
#include <vector>

#include "core/daemon/config.hpp"
#include "core/daemon/config_values.hpp"

namespace gantry::daemon {

// Takes out the daemon's own keys; the rest is the plugin's.
void read_plugin_table(const std::string& file, const std::string& name, toml::node& node, Config& config,
                       std::vector<std::string>& errors);
std::string print_plugin_tables(const Config& config);

}  // namespace gantry::daemon
