// What changes plugins while the daemon runs, whoever asks: gantryctl, a Plugin object, SIGHUP, a new file.
//
// Owned by the daemon. Each change reads the configuration anew, so that a plugin's table can change without its file.
// Calls block until the change is over or has failed; the plugin host runs them one at a time. [any-thread that may
// block]
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "core/daemon/config.hpp"
#include "core/plugin/plugin_host.hpp"

namespace gantry::daemon {

// What the folders show to be wrong with a configuration, one a mistake: a folder that can't be read; or else tables
// [plugin.NAME] and `replaces` that no file belongs to, "gantry.toml:3:1: plugin.NAME: ...".
std::vector<std::string> plugin_mistakes(const Config& config);

class PluginControl {
 public:
  using Logger = std::function<void(int32_t level, std::string_view text)>;
  PluginControl(const Config& config, plugin::PluginHost& host, Logger log);

  // At the daemon's start: all that the folders and the configuration name. `off` are those that are switched off
  // elsewhere. An error: a required plugin does not load.
  Status load_all(const std::set<std::string>& off);

  // Refused while the configuration switches the plugin off: the file has the last word. `forgive`: that the plugin
  // ended the daemon counts no more (PluginHost::forgive).
  Status reload(const std::string& name, bool forgive = false);
  // Switches a plugin off; reload() switches it on.
  Status disable(const std::string& name);
  // After the configuration or the folders changed: reloads what differs, loads what is new, and switches as the tables
  // say. Every failure is logged and kept with its plugin; the error says how many. An error of the configuration
  // changes nothing.
  Status apply_configuration();
  // A file of the folders was written: loads it, or reloads the plugin of its name; nothing when its bytes are the
  // loaded ones.
  void file_changed(const std::filesystem::path& path);

 private:
  struct Wanted {
    plugin::PluginSettings settings;
    bool enabled = true;
    std::string table;  // the configuration's text, to compare
  };
  using WantedByName = std::map<std::string, Wanted>;
  Expected<Config> current() const;
  Expected<WantedByName> wanted() const;
  void say_mistakes(const Config& config) const;
  Expected<WantedByName> wanted_of(const Config& config) const;
  bool differs(const Wanted& next, const plugin::PluginInfo& now) const;
  Status load(const Wanted& wanted);
  Status switch_off_by_file(const std::string& name);
  bool off_by_file(const std::string& name) const;
  bool is_replaced(const std::string& name) const;

  const Config& config_;
  plugin::PluginHost& host_;
  const Logger log_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> tables_;  // as last loaded, by name
  std::set<std::string> off_by_file_;          // switched off because the configuration says so
};

}  // namespace gantry::daemon
