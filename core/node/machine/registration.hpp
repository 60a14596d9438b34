// The room of the machine: its Node object and Lease, capacity, cgroups, its part of the pod network.
//
// Here this machine as a Node object: registration, the heartbeat Lease, capacity, conditions, addresses, images.
//
// Registers (and repairs what upstream's kubelet repairs of an existing Node), renews the Lease every 10 s, writes
// status when it changes and every 5 minutes. Timers and the reader's thread; nothing blocks. [any-thread]
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/client/client.hpp"
#include "core/node/machine/capacity.hpp"
#include "core/node/node_agent.hpp"
#include "k8s.io/api/core/v1/node.pb.h"

namespace gantry::node {

struct NodeFacts {
  bool runtime_ready = false;
  bool network_ready = false;
  std::string runtime_name_version;  // "oci://1.1.5"
  std::string why_not_ready;         // for the Ready condition
  std::vector<ImageInfo> images;     // at most 50, the largest
};

class Registration {
 public:
  virtual ~Registration() = default;  // stops
  virtual void start() = 0;
  // Facts may have changed: look again soon.
  virtual void poke() = 0;
  // The newest Node the API has, once registered.
  virtual bool registered() const = 0;
  virtual corev1::Node node() const = 0;
};

// `facts` is called on a timer's thread or the reader's and must not block. `changed` runs when the pod range or the
// node's spec changed. `read` runs what reads the client's answers, on a thread of the caller's; null: on the client's.
std::unique_ptr<Registration> make_registration(const NodeOptions& options, std::function<NodeFacts()> facts,
                                                std::function<void()> changed,
                                                std::function<void(std::function<void()>)> read = nullptr);

}  // namespace gantry::node
