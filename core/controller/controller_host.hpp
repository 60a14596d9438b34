// The controller host: runs every plugin that offers gantry.controller/1.
//
// Owns informers (one for each distinct watch, shared), one work queue a controller, and the workers. Gives plugins the host
// interfaces client, cache, queue and events. Created by the daemon before plugins are loaded; start() after;
// stop() before plugins are destroyed. [main], but for what the interfaces say.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/client/client.hpp"
#include "core/controller/informer.hpp"
#include "core/plugin/plugin_host.hpp"

namespace gantry::controller {

class RunningController;

struct ControllerHostOptions {
  plugin::PluginHost* plugins = nullptr;
  plugin::Timers* timers = nullptr;
  // A client with the identity of a plugin, "system:serviceaccount:kube-system:<plugin>".
  std::function<std::unique_ptr<client::Client>(const std::string& plugin)> make_client;
  // The identity of the informers.
  client::Client* client = nullptr;
  // Resources with list and watch, for ControllerSpec.watch_all_resources.
  struct Resource {
    std::string group, version, resource;
  };
  std::function<std::vector<Resource>()> resources;
  // Writes an Event about `regarding` (a serialized ObjectReference) as `component`.
  std::function<void(const std::string& component, std::string_view regarding, std::string_view type,
                     std::string_view reason, std::string_view message)>
      record_event;
  std::function<void(int32_t level, std::string_view text)> log;
  size_t worker_threads = 8;
};

class ControllerHost {
 public:
  explicit ControllerHost(ControllerHostOptions options);
  ~ControllerHost();  // stop()
  ControllerHost(const ControllerHost&) = delete;
  ControllerHost& operator=(const ControllerHost&) = delete;

  // Describes all controllers, starts their informers, and each controller's workers once its caches are filled.
  void start();
  void stop();
  bool synced() const;

  const ControllerHostOptions& options() const { return options_; }
  plugin::WorkerPool& pool() { return pool_; }

 private:
  friend class RunningController;
  std::shared_ptr<Informer> informer(InformerKey key);
  void add_controller(const std::shared_ptr<plugin::Plugin>& plugin);

  ControllerHostOptions options_;
  plugin::WorkerPool pool_;
  std::vector<std::shared_ptr<RunningController>> controllers_;
  std::map<InformerKey, std::shared_ptr<Informer>> informers_;
  bool stopped_ = false;
};

}  // namespace gantry::controller
