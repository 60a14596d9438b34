// The node's side of the pod network: this node's range, the other nodes' ranges, and what is left of sandboxes that no
// longer exist. Work runs on the pool it is given, one piece at a time. [any-thread]
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/client/reflector.hpp"
#include "core/node/node_parts.hpp"

namespace gantry::node {

class NodeNetwork {
 public:
  // `ready` runs when pods can be attached for the first time; `failed` with why not.
  struct Hooks {
    std::function<void()> ready;
    std::function<void(const std::string& why)> failed;
    std::function<void(std::function<void()>)> post;
    std::function<void(int64_t, std::function<void()>)> schedule;
  };
  NodeNetwork(NodeParts& parts, Hooks hooks) : parts_(parts), hooks_(std::move(hooks)) {}

  void follow_nodes();
  // The range may have been given, or the other nodes have changed. Blocks. [worker]
  void apply(const std::string& pod_cidr);
  void stop() { nodes_watch_.reset(); }
  // What others' ranges need; called by apply and whenever the nodes change. [worker]
  void apply_nodes();

 private:
  Status set_node(const std::string& pod_cidr);
  Status collect();
  void see(const client::Object& object, bool deleted);

  NodeParts& parts_;
  const Hooks hooks_;
  std::mutex working_;  // held through calls into the plugin
  std::string applied_cidr_;
  bool collected_ = false, told_others_ = false;
  std::mutex mutex_;
  std::map<std::string, abi::NetworkNode> nodes_;
  std::unique_ptr<client::Reflector> nodes_watch_;
};

}  // namespace gantry::node
