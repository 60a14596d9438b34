// The verbs of a pod network backend as typed calls over its ABI table. Holds the plugin. Verbs block. [worker]
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gantry/abi.pb.h"
#include "gantry/abi/network.h"
#include "gantry/status.hpp"

namespace gantry::node {

class NetworkClient {
 public:
  NetworkClient(const gantry_network* table, void* instance, std::shared_ptr<void> owner)
      : table_(table), instance_(instance), owner_(std::move(owner)) {}

  // What this node's backend wants to tell the others (annotations of its Node).
  Expected<abi::NetworkResult> set_node(const abi::NetworkNode& node) const;
  Status set_nodes(const abi::NetworkNodes& nodes) const;
  Expected<abi::NetworkResult> add(const abi::NetworkAttachment& attachment) const;
  Status del(const abi::NetworkAttachment& attachment) const;
  Status gc(const std::vector<std::string>& sandbox_ids) const;

 private:
  Expected<abi::NetworkResult> call(gantry_network_verb verb, const std::string& request) const;

  const gantry_network* table_;
  void* instance_;
  std::shared_ptr<void> owner_;
};

}  // namespace gantry::node
