// The verbs of a pod network backend as typed calls; an instance that takes the plugin's place is told first what the
// one before knew. Copies share their state. Verbs block. [worker]
#pragma once

#include <string>
#include <vector>

#include "core/network/backend_client.hpp"
#include "gantry/abi.pb.h"
#include "gantry/abi/network.h"

namespace gantry::network {

class NetworkClient : public BackendClient<gantry_network> {
 public:
  explicit NetworkClient(plugin::PluginVerbs<gantry_network> verbs) : BackendClient(std::move(verbs)) {}

  // The plugin is exchanged: `next` hears of this node and the others before anything else. [main]
  Status adopt(plugin::Instance* next) const;

  // What this node's backend wants to tell the others (annotations of its Node).
  Expected<abi::NetworkResult> set_node(const abi::NetworkNode& node) const;
  Status set_nodes(const abi::NetworkNodes& nodes) const;
  Expected<abi::NetworkResult> add(const abi::NetworkAttachment& attachment) const;
  Status del(const abi::NetworkAttachment& attachment) const;
  Status gc(const std::vector<std::string>& sandbox_ids) const;

 private:
  Told node_, nodes_;
};

}  // namespace gantry::network
