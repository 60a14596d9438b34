// The node's side of the pod network: this node's ranges, what is left of sandboxes that no longer exist, and through
// core/network the other nodes. Work runs on the pool it is given, one piece at a time. [any-thread]
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/network/other_nodes.hpp"
#include "core/node/node_parts.hpp"

namespace gantry::node {

class NodeNetwork {
 public:
  // `ready` runs when pods can be attached for the first time; `failed` with why not. `schedule` runs nothing once the
  // agent has stopped.
  struct Hooks {
    std::function<void()> ready;
    std::function<void(const std::string& why)> failed;
    std::function<void(std::function<void()>)> post;
    std::function<void(int64_t, std::function<void()>)> schedule;
    std::function<void(std::function<void()>)> read;  // of what the client tells
  };
  NodeNetwork(NodeParts& parts, Hooks hooks);

  void follow_nodes() { others_.start(); }
  // The ranges may have been given. Blocks. [worker]
  void apply(const corev1::Node& node);
  // A plugin is exchanged, maybe one of the network's: `next` hears of this node and the others before anything else.
  // [main]
  Status adopt(const plugin::Plugin& plugin, plugin::Instance* next);
  void stop() { others_.stop(); }

 private:
  Status set_node(const abi::OverlayNode& self);
  Status collect();
  void advertise(const std::string& backend, const abi::OverlayAdvert& advert);
  network::OtherNodes::Options others_options();

  NodeParts& parts_;
  const Hooks hooks_;
  std::mutex working_;  // held through calls into the plugins, but for set_nodes
  std::string applied_;
  bool collected_ = false;
  network::OtherNodes others_;
};

}  // namespace gantry::node
