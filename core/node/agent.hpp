// The node agent behind NodeAgent: which pods there are, who wakes them, and what the node does beside its pods.
//
// create() finds the plugins; make_agent() takes their tables, so that tests can bring their own. Threads: watches
// deliver on client threads and only note and wake; everything that blocks runs on the pools.
#pragma once

#include <memory>

#include "core/node/node_agent.hpp"
#include "core/node/node_parts.hpp"
#include "core/node/runtime/runtime_client.hpp"

namespace gantry::node {

struct AgentClock {
  const plugin::Clock* clock = nullptr;
  plugin::Timers* timers = nullptr;
};
std::unique_ptr<NodeAgent> make_agent(NodeOptions options, AgentClock time, RuntimeClient runtime,
                                      NetworkClients networks);

}  // namespace gantry::node
