// The agent role: the node agent with its client, and its Events. Made and ended by Daemon on the main thread.
#pragma once

#include <memory>
#include <string>

#include "core/client/client.hpp"
#include "core/client/event_recorder.hpp"
#include "core/daemon/server_role.hpp"
#include "core/node/node_agent.hpp"

namespace gantry::daemon {

class AgentRole {
 public:
  // `client` speaks as system:node:NAME.
  static Expected<std::unique_ptr<AgentRole>> start(const Base& base, std::unique_ptr<client::Client> client,
                                                    const std::vector<std::string>& cluster_cidrs);
  // A client for a server elsewhere, from node.kubeconfig.
  static Expected<std::unique_ptr<client::Client>> remote_client(const Config& config);
  ~AgentRole();  // stop()
  void stop();
  node::NodeAgent& agent() { return *agent_; }

 private:
  AgentRole() = default;
  std::unique_ptr<client::Client> client_;
  std::unique_ptr<client::EventRecorder> events_;
  std::unique_ptr<node::NodeAgent> agent_;
};

}  // namespace gantry::daemon
