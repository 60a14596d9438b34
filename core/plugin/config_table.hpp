// The [plugin.NAME] table as the plugin host sees it; the daemon implements it over the parsed TOML file. [any-thread]
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::plugin {

// Every get_*: nothing when the key is absent; Invalid, naming file, line, column, key and expected type, when it is
// something else. Asking marks a key as known.
class ConfigTable {
 public:
  virtual ~ConfigTable() = default;
  virtual Expected<std::optional<std::string>> get_string(std::string_view key) = 0;
  virtual Expected<std::optional<int64_t>> get_int(std::string_view key) = 0;
  virtual Expected<std::optional<bool>> get_bool(std::string_view key) = 0;
  virtual Expected<std::optional<std::vector<std::string>>> get_strings(std::string_view key) = 0;
  // One message for each key that nobody asked for, in the form of the daemon's own configuration errors.
  virtual std::vector<std::string> unknown_keys() const = 0;
};

}  // namespace gantry::plugin
