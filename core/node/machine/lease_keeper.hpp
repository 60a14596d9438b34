// The node's heartbeat: the Lease kube-node-lease/NODE, renewed every 10 s for as long as this is kept.
//
// Owned by Registration, which starts one for each Node object it registered. Timers and client threads; nothing
// blocks.
#pragma once

#include <memory>
#include <string>

#include "core/node/node_agent.hpp"

namespace gantry::node {

class LeaseKeeper {
 public:
  virtual ~LeaseKeeper() = default;  // no request starts afterwards
};

// Starts at once. `node_uid` owns the Lease. The options' client and plugin host must outlive it.
std::shared_ptr<LeaseKeeper> keep_lease(const NodeOptions& options, const std::string& node_uid);

}  // namespace gantry::node
