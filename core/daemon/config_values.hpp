// Reading typed values out of a TOML table, with errors that say where and what was expected.
#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/config_table.hpp"

namespace gantry::daemon {

// "gantry.toml:3:9: "; the region's first character.
std::string place(const std::string& file, const toml::source_region& where);
// "a string", "an integer", ... for messages.
std::string_view type_name(const toml::node& node);

// The plugin's own keys of one [plugin.NAME] table.
class TomlPluginTable final : public plugin::ConfigTable {
 public:
  TomlPluginTable(std::string file, std::string name, toml::table table);
  Expected<std::optional<std::string>> get_string(std::string_view key) override;
  Expected<std::optional<int64_t>> get_int(std::string_view key) override;
  Expected<std::optional<bool>> get_bool(std::string_view key) override;
  Expected<std::optional<std::vector<std::string>>> get_strings(std::string_view key) override;
  std::vector<std::string> unknown_keys() const override;
  const toml::table& table() const { return table_; }

 private:
  const toml::node* ask(std::string_view key);
  Status wrong(std::string_view key, const toml::node& node, std::string_view expected) const;
  void collect_unknown(const toml::table& table, const std::string& prefix, std::vector<std::string>& out) const;

  const std::string file_;
  const std::string name_;
  const toml::table table_;
  mutable std::mutex mutex_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace gantry::daemon
