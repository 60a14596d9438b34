// The agent role: the node agent with its client, and its Events; on a machine without the server role also the host
// services of the plugins. Made and ended by Daemon on the main thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/client/client.hpp"
#include "core/client/event_recorder.hpp"
#include "core/client/https/remote.hpp"
#include "core/controller/controller_host.hpp"
#include "core/daemon/server_role.hpp"
#include "core/node/node_agent.hpp"
#include "core/schema/tree/registry.hpp"

namespace gantry::daemon {

// A server on another machine, from node.kubeconfig. Outlives the plugin host: what plugins asked may be answered late.
struct RemoteServer {
  static Expected<RemoteServer> connect(const Config& config);
  // The plugins' has threads of its own: what they do when they are answered holds up nobody else.
  std::shared_ptr<client::Remote> node, plugins;
};

class AgentRole {
 public:
  // `client` speaks as system:node:NAME.
  AgentRole(const Base& base, std::unique_ptr<client::Client> client);
  ~AgentRole();  // stop()
  AgentRole(const AgentRole&) = delete;
  AgentRole& operator=(const AgentRole&) = delete;

  // Without the server role: client, Events, caches and watches for plugins, all as the node's user; before they are
  // loaded. Controllers run where the server is.
  void attach_plugins(std::shared_ptr<client::Remote> server);
  // The node agent; after plugins are loaded.
  Status start(const std::vector<std::string>& cluster_cidrs);
  void stop();
  node::NodeAgent& agent() { return *agent_; }  // from start() on

 private:
  node::NodeOptions node_options(const std::vector<std::string>& cluster_cidrs) const;
  std::vector<schema::IndexedField> indexes(const controller::InformerKey& what);

  const Base& base_;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<client::EventRecorder> events_;
  std::shared_ptr<client::Remote> server_;
  std::unique_ptr<client::Client> watches_client_;
  std::unique_ptr<schema::Registry> schemas_;  // when something is watched
  std::unique_ptr<controller::ControllerHost> services_;
  std::unique_ptr<node::NodeAgent> agent_;
};

}  // namespace gantry::daemon
