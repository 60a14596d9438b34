// What gantryctl asks, beside the Kubernetes API: /gantry/v1/status, plugins, images, and what changes them. For
// system:masters only.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/apiserver/server.hpp"
#include "core/node/node_agent.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/plugin/simulated_time.hpp"
#include "core/plugin/worker_pool.hpp"

namespace gantry::daemon {

struct AdminFacts {
  const plugin::PluginHost* plugins = nullptr;
  plugin::WorkerPool* blocking = nullptr;  // image work runs here
  std::function<node::NodeAgent*()> node;  // null where this daemon is no agent
  std::function<std::string()> status_json;
  plugin::SimulatedTime* time = nullptr;  // null on real time
  std::function<void()> time_moved;
  std::function<Status(const std::string& name)> reload_plugin;
  std::function<Status(const std::string& name, bool on)> enable_plugin;
};

// Adds the paths; before the server's first request. `facts` are used for as long as the server answers.
void add_admin_paths(apiserver::ApiServer& api, AdminFacts facts);

}  // namespace gantry::daemon
