// Keeps a Plugin object (gantry.dev/v1) for every plugin, with its status, conditions and Events; acts on spec.enabled
// and spec.reload.
//
// Owned by the daemon, where it is a server. Everything runs on one thread of its own, so that a change under way
// delays nothing but the next one; watches and the plugin host only note names.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "core/client/client.hpp"
#include "core/client/reflector.hpp"
#include "core/daemon/plugin_control.hpp"
#include "core/plugin/worker_pool.hpp"
#include "gantry/api/v1/plugin.pb.h"

namespace gantry::daemon {

namespace pluginv1 = gantry::api::v1;

class PluginObjects {
 public:
  struct Options {
    client::Client* client = nullptr;  // as the daemon itself
    plugin::PluginHost* host = nullptr;
    PluginControl* control = nullptr;
    std::function<void(int64_t, std::function<void()>)> schedule;
    std::function<int64_t()> now_unix_ns;
    std::function<void(std::string_view regarding, std::string_view type, std::string_view reason,
                       std::string_view message)>
        record_event;
    std::function<void(int32_t level, std::string_view text)> log;
  };
  explicit PluginObjects(Options options);
  ~PluginObjects();  // stop()

  // Plugins whose object says they are off; before start(), for the first load.
  static std::set<std::string> switched_off(client::Client& client);
  void start();
  void stop();

  // Switches a plugin on or off so that it stays so: through its object. Waits for the deed.
  Status set_enabled(const std::string& name, bool enabled);

 private:
  void note(const std::string& name);
  void remember(const pluginv1::Plugin& object);
  void work();
  void sync(const std::string& name);
  Status act(pluginv1::Plugin& object);
  Expected<pluginv1::Plugin> find_or_create(const std::string& name);
  void write_status(pluginv1::Plugin object, const plugin::PluginInfo& info);
  void retry(const std::string& name, const std::string& what, const Status& why);
  void tell(const pluginv1::Plugin& object, const plugin::PluginInfo& before, const plugin::PluginInfo& now);

  const Options options_;
  plugin::WorkerPool pool_{"plugins", 1};
  std::mutex mutex_;
  std::set<std::string> dirty_;
  std::set<std::string> off_;  // whose object last said so, also when it is gone
  bool posted_ = false, stopped_ = false;
  // By the pool's thread alone.
  std::map<std::string, plugin::PluginInfo> told_;
  std::map<std::string, int64_t> retries_;  // ms until the next
  std::unique_ptr<client::Reflector> watch_;
};

}  // namespace gantry::daemon
