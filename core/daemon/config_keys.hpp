// Inside of the configuration: the one list of its keys, which reading, checking and printing all walk.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/daemon/config.hpp"
#include "core/daemon/config_values.hpp"

namespace gantry::daemon {

// One key: how to read it into a Config (returning what was expected when the node is wrong), and how to print it.
struct KeySpec {
  std::string_view table, key, comment;
  std::function<std::string(const toml::node&, Config&)> read;
  std::function<std::string(const Config&)> print;
};

const std::vector<KeySpec>& config_keys();

}  // namespace gantry::daemon
