// The server role: store, API, HTTPS, controllers, scheduler. Made and ended by Daemon on the main thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/apiserver/server.hpp"
#include "core/auth/pki.hpp"
#include "core/client/client.hpp"
#include "core/client/event_recorder.hpp"
#include "core/controller/controller_host.hpp"
#include "core/daemon/config.hpp"
#include "core/daemon/logging.hpp"
#include "core/daemon/plugin_kinds.hpp"
#include "core/http/server/https_server.hpp"
#include "core/limits/notices.hpp"
#include "core/network/pod_ranges.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/plugin/simulated_time.hpp"
#include "core/scheduler/scheduler.hpp"
#include "core/store/store.hpp"

namespace gantry::daemon {

// What every role shares.
struct Base {
  const Config& config;
  Log& log;
  const plugin::Clock& clock;
  plugin::Timers& timers;
  plugin::WorkerPool& blocking;  // API work that may block: logs, exec
  plugin::PluginHost& plugins;
  limits::Notices& notices;
  std::string node_name, address;
  plugin::SimulatedTime* simulated = nullptr;  // null on real time

  std::function<std::chrono::steady_clock::time_point()> monotonic() const {
    return [&c = clock] { return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(c.monotonic_ns())); };
  }
  std::function<void(int64_t, std::function<void()>)> schedule() const {
    return [&t = timers](int64_t delay_ms, std::function<void()> fn) { t.start(delay_ms, std::move(fn)); };
  }
  std::function<void(int32_t, std::string_view)> logger(std::string part) const {
    return [&l = log, part = std::move(part)](int32_t level, std::string_view text) { l.write(part, level, text); };
  }
};

class ServerRole {
 public:
  explicit ServerRole(const Base& base) : base_(base) {}
  ~ServerRole();

  // Store, certificates, API object; nothing listens yet.
  Status open();
  // Gives plugins the controllers' host interfaces; before plugins are loaded.
  void provide_interfaces();
  // Controllers, scheduler and address ranges; after plugins are loaded. Then the sockets.
  Status run(const std::vector<std::string>& cluster_cidrs);
  // In reverse. The API still answers in-process clients after the first.
  void stop_clients();
  void stop_api();

  apiserver::ApiServer& api() { return *api_; }
  void record_event(std::string_view component, std::string_view regarding, std::string_view type,
                    std::string_view reason, std::string_view message) {
    events_->record(component, "", regarding, type, reason, message);
  }
  std::unique_ptr<client::Client> make_client(http::Identity identity);
  uint16_t port() const { return https_ ? https_->port() : 0; }
  std::vector<std::string> urls() const;
  bool ready() const;

 private:
  Status write_admin_kubeconfig();
  Status listen();
  Status give_ranges(const std::vector<std::string>& cluster_cidrs);
  std::vector<controller::ControllerHostOptions::Resource> resources() const;
  PluginKinds::Objects stored(const std::string& group, const std::string& plural) const;
  void say_unserved() const;

  const Base& base_;
  auth::Pki pki_;
  std::unique_ptr<schema::Registry> schemas_;
  // Answers the last writes while it ends, which needs the schema.
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<apiserver::ApiServer> api_;
  std::unique_ptr<http::Handler> outer_;  // what the sockets' requests go through, under simulated time
  std::unique_ptr<http::HttpsServer> https_;
  std::unique_ptr<client::Client> controllers_client_, scheduler_client_, ranges_client_, events_client_;
  std::unique_ptr<client::EventRecorder> events_;
  std::unique_ptr<PluginKinds> kinds_;
  std::unique_ptr<controller::ControllerHost> controllers_;
  std::unique_ptr<scheduler::Scheduler> scheduler_;
  std::unique_ptr<network::PodRanges> ranges_;
  std::atomic<bool> started_{false};
};

}  // namespace gantry::daemon
