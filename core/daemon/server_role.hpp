// The server role: the control plane behind HTTPS, with certificates and a kubeconfig of its own. Made and ended by
// Daemon on the main thread.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/auth/pki.hpp"
#include "core/daemon/config.hpp"
#include "core/daemon/control_plane.hpp"
#include "core/daemon/logging.hpp"
#include "core/http/server/https_server.hpp"
#include "core/limits/notices.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/plugin/simulated_time.hpp"

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
  // ControlPlane::attach; before plugins are loaded.
  void attach_plugins() { plane_->attach(base_.plugins); }
  // Controllers, scheduler and address ranges; after plugins are loaded. Then the sockets.
  Status run(const std::vector<std::string>& cluster_cidrs);
  // In reverse. The API still answers in-process clients after the first.
  void stop_clients();
  void stop_api();

  // From open() on.
  ControlPlane& plane() { return *plane_; }
  // Also while run() and the stop are at work. [any-thread]
  std::vector<std::string> urls() const;
  bool ready() const { return serving_.load() != nullptr && plane_->ready(); }

 private:
  ControlPlaneOptions plane_options() const;
  Status make_certificates();
  Expected<NodeRanges> node_ranges(const std::vector<std::string>& cluster_cidrs) const;
  Status write_admin_kubeconfig();
  Status listen();

  const Base& base_;
  auth::Pki pki_;
  std::unique_ptr<ControlPlane> plane_;
  std::unique_ptr<http::Handler> outer_;  // what the sockets' requests go through, under simulated time
  std::unique_ptr<http::HttpsServer> https_;
  std::atomic<const http::HttpsServer*> serving_{nullptr};  // https_, for the requests that it brings
};

}  // namespace gantry::daemon
