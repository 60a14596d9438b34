// The plugin host: finds plugins, checks them, loads them, and hands them the host's interfaces.
//
// Owned by the daemon. load() and shutdown() run on the main thread; everything else from any thread. A plugin that does not load
// becomes a state one can query and one log line. Queues, caches and watches belong to higher rooms, which
// attach them to a Plugin, so that an instance can be exchanged under them.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/clock.hpp"
#include "core/plugin/config_table.hpp"
#include "core/plugin/timers.hpp"
#include "core/plugin/worker_pool.hpp"
#include "gantry/abi/plugin.h"
#include "gantry/status.hpp"

namespace gantry::plugin {

class PluginHost;
class LoadedLibrary;
class MetricsRegistry;

struct PluginSettings {
  std::string name;                 // from the file's name
  std::filesystem::path path;
  std::string sha256;               // lower-case hex the file must have; empty: any
  bool required = false;
  std::shared_ptr<ConfigTable> config;  // may be null
};

enum class PluginPhase : uint8_t { kLoaded, kFailed };

struct PluginInfo {
  std::string name, path, version, vendor, description;
  std::vector<std::string> interfaces;
  PluginPhase phase = PluginPhase::kFailed;
  std::string message;              // why it failed
  bool required = false;
};

// One plugin instance.
class Plugin {
 public:
  ~Plugin();
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  const std::string& name() const { return info_.name; }
  const PluginInfo& info() const { return info_; }
  void* instance() const { return instance_; }
  // A table that passed the checks of its interface, or null.
  template <typename Table>
  const Table* interface(const char* id) const {
    return static_cast<const Table*>(find_interface(id));
  }

  // What a higher room keeps for this plugin, by the id of the host interface it serves ("gantry.cache/1").
  void attach(const std::string& id, std::shared_ptr<void> state);
  std::shared_ptr<void> attachment(const std::string& id) const;

  // The plugin behind a host pointer that came across the ABI.
  static Plugin& of(const gantry_host* host) { return *static_cast<Plugin*>(host->context); }
  PluginHost& host() const { return *owner_; }
  ConfigTable* config() const { return config_.get(); }

  // gantry_tasks.run: at most 1,024 waiting or running tasks a plugin; drain_tasks waits for all of them.
  gantry_code run_task(void (*fn)(void*), void* context);
  void drain_tasks();

 private:
  friend class PluginHost;
  Plugin() = default;
  const void* find_interface(std::string_view id) const;

  PluginInfo info_;
  PluginHost* owner_ = nullptr;
  std::shared_ptr<ConfigTable> config_;
  std::unique_ptr<LoadedLibrary> library_;
  const gantry_plugin_api* api_ = nullptr;
  gantry_host host_{};
  void* instance_ = nullptr;
  std::map<std::string, const void*, std::less<>> interfaces_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<void>> attachments_;
  std::mutex tasks_mutex_;
  std::condition_variable tasks_done_;
  size_t tasks_ = 0;
};

struct PluginHostOptions {
  const Clock* clock = nullptr;
  Timers* timers = nullptr;
  WorkerPool* tasks = nullptr;
  // Log lines of plugins and of the host itself (plugin name "" then); level as in abi/log.h.
  std::function<void(std::string_view plugin, int32_t level, std::string_view text)> log;
  int32_t log_level = 1;
  std::filesystem::path run_dir;    // private copies of the images lie in run_dir/plugins
  std::filesystem::path data_dir;   // plugins' own folders: data_dir/plugins/NAME
  std::map<std::string, std::string, std::less<>> facts;  // gantry_config.get_daemon beyond the folders
};

class PluginHost {
 public:
  explicit PluginHost(PluginHostOptions options);
  ~PluginHost();  // shutdown()
  PluginHost(const PluginHost&) = delete;
  PluginHost& operator=(const PluginHost&) = delete;

  // The .so files of these folders, sorted by name; the first of a name wins.
  static std::vector<std::filesystem::path> discover(const std::vector<std::filesystem::path>& dirs);

  // Offers a host interface to plugins. Before the first load; `table` must outlive the host.
  void provide(std::string id, const void* table);

  // Loads one plugin. Failure is logged and kept in list(); it is returned too, for the caller to judge `required`. [main]
  Expected<std::shared_ptr<Plugin>> load(const PluginSettings& settings);

  // All plugins, loaded and failed, sorted by name.
  std::vector<PluginInfo> list() const;
  std::vector<std::shared_ptr<Plugin>> with_interface(std::string_view id) const;
  std::shared_ptr<Plugin> find(std::string_view name) const;

  // Destroys all instances, last loaded first. Nobody may call into a plugin any more. [main]
  void shutdown();

  const PluginHostOptions& options() const { return options_; }
  MetricsRegistry& metrics() { return *metrics_; }
  const void* host_interface(std::string_view id) const;

 private:
  Expected<std::shared_ptr<Plugin>> try_load(const PluginSettings& settings, PluginInfo& info);
  Status check_descriptor(const gantry_plugin_api& api, const PluginSettings& settings, PluginInfo& info) const;
  Status create_instance(Plugin& plugin);

  PluginHostOptions options_;
  std::unique_ptr<MetricsRegistry> metrics_;
  std::map<std::string, const void*, std::less<>> provided_;
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Plugin>> plugins_;
  std::map<std::string, PluginInfo> failed_;
  uint64_t copies_ = 0;
};

}  // namespace gantry::plugin
