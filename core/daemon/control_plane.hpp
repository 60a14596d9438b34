// The control plane of one process: store, schema registry, API server, Events, kinds of plugins, controller host,
// scheduler and pod ranges. Owns them, in the order of their making, and ends them in reverse.
//
// Owned by ServerRole, and by the integration tests: what the one runs, the others test. Made, started, stopped and
// ended on one thread, which holds a turn of a simulated time meanwhile; other functions may be called from any thread.
// Sockets, certificates, the plugin host and all threads that it is given are the owner's.
//
// The order: open(), serve(), attach(), the owner loads plugins, start(); then plugins.begin_stop(), stop_clients(),
// the owner ends what else calls the API or `blocking`, stop(), plugins.shutdown().
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/apiserver/server.hpp"
#include "core/client/client.hpp"
#include "core/client/event_recorder.hpp"
#include "core/controller/controller_host.hpp"
#include "core/daemon/plugin_kinds.hpp"
#include "core/network/pod_ranges.hpp"
#include "core/network/services/address_keeper.hpp"
#include "core/network/services/api_service.hpp"
#include "core/network/services/range_keeper.hpp"
#include "core/network/services/service_ranges.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/plugin/simulated_time.hpp"
#include "core/scheduler/scheduler.hpp"
#include "core/schema/tree/registry.hpp"
#include "core/store/sqlite_store.hpp"

namespace gantry::daemon {

// What is pointed to outlives the control plane.
struct ControlPlaneOptions {
  // The file and its limits. Log, notices, time and turns come from below.
  store::SqliteOptions store;
  // Version, limits, admission steps. Clock, chance, timers, `post` and notices come from below.
  apiserver::Options api;
  const plugin::Clock* clock = nullptr;
  plugin::Timers* timers = nullptr;
  plugin::WorkerPool* blocking = nullptr;      // API work that may block: logs, exec
  plugin::SimulatedTime* simulated = nullptr;  // clock and timers are its own; null: real time
  limits::Notices* notices = nullptr;          // may be null
  std::function<void(std::string_view part, int32_t level, std::string_view text)> log;  // [any-thread]
  bool scheduler = true;
  network::ServiceRanges services;  // no addresses: Services get neither these nor node ports
};

// What nodes get their ranges of pod addresses from. No cluster range: nobody gives them any.
struct NodeRanges {
  std::vector<network::Cidr> cluster;
  int prefix_ipv4 = 24, prefix_ipv6 = 64;
};

class ControlPlane {
 public:
  // Locks and loads the store, and touches nothing else.
  static Expected<std::unique_ptr<ControlPlane>> open(ControlPlaneOptions options);
  ~ControlPlane();  // stop()
  ControlPlane(const ControlPlane&) = delete;
  ControlPlane& operator=(const ControlPlane&) = delete;

  const store::Store& store() const { return *store_; }
  // Schema, API and Events: clients are answered from here on.
  Status serve();
  // Gives plugins the controllers' host interfaces, and serves the kinds that they bring; before they are loaded. The
  // host lives until stop() or stop_controllers().
  void attach(plugin::PluginHost& plugins);
  // Controllers, scheduler and address ranges; after plugins are loaded.
  void start(NodeRanges ranges = {});
  // Where clients find the API: the Service "kubernetes" leads there from now on, in a cluster whose Services have
  // addresses. After start(), once.
  void advertise(const network::Address& server, int port);
  // Ends what works through the API; in-process clients are still answered. May be repeated, like stop().
  void stop_clients();
  // Ends the rest but the store: watches end, later requests are answered 503.
  void stop();

  // The controllers alone, of one plugin host: another one may be attached after that, and its controllers started.
  void stop_controllers();
  void start_controllers();

  bool serving() const { return api_ != nullptr; }
  // These from serve() on.
  apiserver::ApiServer& api() { return *api_; }
  schema::Registry& schemas() { return *schemas_; }
  // In-process, until the control plane is ended.
  std::unique_ptr<client::Client> make_client(http::Identity identity);
  // "system:NAME", of a part of the control plane.
  static http::Identity component(std::string_view name);
  // Until stop().
  void record_event(std::string_view component, std::string_view regarding, std::string_view type,
                    std::string_view reason, std::string_view message);
  // After a change of schemas(): watches of what is no more end, and controllers of all resources see the new ones.
  // On the thread that changes plugins.
  void kinds_changed();
  // Whether the controllers' caches are filled.
  bool synced() const;
  // It was started, and runs: its caches are filled, and writes do not fail.
  bool ready() const;

 private:
  explicit ControlPlane(ControlPlaneOptions options) : options_(std::move(options)) {}
  apiserver::Options api_options();
  Status give_service_numbers();
  void start_scheduler();
  void give_ranges(NodeRanges ranges);
  void keep_addresses();
  void say_unserved() const;
  void end_controllers();
  std::vector<controller::ControllerHostOptions::Resource> resources() const;
  std::function<void(int32_t, std::string_view)> logger(const char* part) const;
  std::function<void(int64_t, std::function<void()>)> schedule() const;
  std::function<int64_t()> now() const;
  // Records Events of one component.
  std::function<void(std::string_view, std::string_view, std::string_view, std::string_view)> recorder(
      const char* component) const;

  ControlPlaneOptions options_;
  std::unique_ptr<schema::Registry> schemas_;
  plugin::WorkerPool ranges_reads_{"node-ranges", 1};  // the store posts to it until it is ended
  // Answers the last writes while it ends, which needs the schema.
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<apiserver::ApiServer> api_;
  std::unique_ptr<client::Client> controllers_client_, scheduler_client_, ranges_client_, events_client_, own_client_;
  std::unique_ptr<client::EventRecorder> events_;
  std::unique_ptr<PluginKinds> kinds_;
  mutable std::mutex controllers_mutex_;                     // held while another thread looks at them
  std::unique_ptr<controller::ControllerHost> controllers_;  // exchanged under controllers_mutex_
  std::unique_ptr<scheduler::Scheduler> scheduler_;
  std::unique_ptr<network::PodRanges> ranges_;
  std::unique_ptr<network::ApiService> own_service_;
  std::unique_ptr<network::AddressKeeper> addresses_;
  std::unique_ptr<network::RangeKeeper> service_ranges_;
  std::atomic<bool> started_{false};
};

}  // namespace gantry::daemon
