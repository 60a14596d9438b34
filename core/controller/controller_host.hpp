// The controller host: runs every plugin that offers gantry.controller/1, and keeps caches for those that offer
// gantry.watches/1 instead: each is a RunningController, the latter without keys.
//
// Owns informers (one for each distinct watch, shared, each with an inbox), the threads that empty the inboxes and on
// which nothing of a plugin runs, one work queue a controller, and the workers. Gives plugins the host interfaces cache
// and queue, and all plugins those of PluginServices. Created by the daemon before plugins are loaded; start() after;
// stop() before plugins are destroyed. Both [main]. Plugins that are exchanged, switched off or loaded later come and
// go as PluginUser says: the queue, its backoff and the caches stay when the new instance watches what the old one did,
// else it gets new ones, filled before the switch.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/client/client.hpp"
#include "core/controller/informer.hpp"
#include "core/controller/plugin_services.hpp"
#include "core/controller/wants.hpp"
#include "core/plugin/plugin_host.hpp"
#include "gantry/abi.pb.h"

namespace gantry::limits {
class Notices;
}

namespace gantry::controller {

class RunningController;

struct ControllerHostOptions {
  plugin::PluginHost* plugins = nullptr;
  plugin::Timers* timers = nullptr;
  // A client with the identity of a plugin, "system:plugin:NAME".
  std::function<std::unique_ptr<client::Client>(const std::string& plugin)> make_client;
  // The identity of the informers.
  client::Client* client = nullptr;
  // Resources with list and watch, each once, for ControllerSpec.watch_all_resources.
  struct Resource {
    std::string group, version, resource;
  };
  std::function<std::vector<Resource>()> resources;
  // The fields by whose value objects of a resource are found. May be null: there are none.
  std::function<std::vector<schema::IndexedField>(const InformerKey&)> indexes;
  // Writes an Event about `regarding` (a serialized ObjectReference) as `component`.
  std::function<void(const std::string& component, std::string_view regarding, std::string_view type,
                     std::string_view reason, std::string_view message)>
      record_event;
  std::function<void(int32_t level, std::string_view text)> log;
  limits::Notices* notices = nullptr;  // outlives the host; may be null
  size_t worker_threads = 8;
  // False, on a machine without the server role: nobody reconciles here; services and watches are there all the same.
  bool run_controllers = true;
};

class ControllerHost : public plugin::PluginUser {
 public:
  explicit ControllerHost(ControllerHostOptions options);
  ~ControllerHost() override;  // stop()
  ControllerHost(const ControllerHost&) = delete;
  ControllerHost& operator=(const ControllerHost&) = delete;

  // Asks all plugins what they want, starts their informers, and each controller's workers once its caches are filled.
  void start();
  void stop();
  // Whether all caches are filled, but for those of what the server refuses.
  bool synced() const;
  // options.resources() gives others than before: who watches all of them watches the new ones, too.
  void resources_changed();

  Status prepare(plugin::Plugin& plugin, plugin::Instance& next) override;
  Status pause(plugin::Plugin& plugin, int64_t wait_ms) override;
  Status adopt(plugin::Plugin& plugin, plugin::Instance* next) override;
  void resume(plugin::Plugin& plugin) override;

  const ControllerHostOptions& options() const { return options_; }
  plugin::WorkerPool& pool() { return pool_; }

 private:
  friend class RunningController;
  using ControllerPtr = std::shared_ptr<RunningController>;
  // An exchange under way, of one plugin; on the changing thread alone.
  struct Exchange {
    ControllerPtr old, next;
    plugin::Instance* prepared = nullptr;
    bool switched = false;
  };
  bool wants_something(const plugin::Instance& instance) const;
  ControllerPtr begin(plugin::Plugin& plugin);
  ControllerPtr make_controller(plugin::Plugin& plugin, Wants wants);
  void connect(RunningController& controller);
  void connect_to_all(RunningController& controller);
  std::shared_ptr<Informer> informer(const InformerKey& key);
  void start_informers();
  // A cache is filled, or the server refuses what it is to hold.
  void informer_changed();
  // Says in each plugin's info what it waits for; logs what is new.
  void tell_waiting();
  // `patient`: what the server refuses may be served later.
  Status wait_synced(const RunningController& controller, bool patient);
  ControllerPtr running(const plugin::Plugin& plugin) const;
  void set_running(const plugin::Plugin& plugin, ControllerPtr controller);
  void drop_unused_informers();
  std::vector<ControllerPtr> controllers() const;

  ControllerHostOptions options_;
  PluginServices services_;
  plugin::WorkerPool pool_;
  plugin::WorkerPool inboxes_;
  std::map<const plugin::Plugin*, Exchange> exchanges_;  // two when one plugin takes another's place
  std::mutex telling_;                                   // one tells at a time what waits; before mutex_
  mutable std::mutex mutex_;
  std::condition_variable synced_;
  std::vector<ControllerPtr> controllers_;
  std::map<InformerKey, std::shared_ptr<Informer>> informers_;
  bool started_ = false, stopped_ = false;
};

}  // namespace gantry::controller
