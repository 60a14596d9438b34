// The node agent: registers this machine as a Node and makes the pods that are bound to it run.
//
// One worker a pod moves it through the pod sequence (sandbox, network, init containers, containers), driven by the
// API's watch, the runtime's exits, probes and back-off timers. What runs is found again from the runtime after a
// restart and left untouched. Rooms: pod/ runtime/ volumes/ probes/ logs/ machine/. Created by the daemon after plugins
// are loaded; stop() before plugins are destroyed. [main], but for what NodeBackend says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/client/client.hpp"
#include "core/client/node_backend.hpp"
#include "core/plugin/plugin_host.hpp"

namespace gantry::limits {
class Notices;
}

namespace gantry::node {

struct NodeOptions {
  client::Client* client = nullptr;       // identity system:node:<name>
  plugin::PluginHost* plugins = nullptr;  // its clock, timers; the runtime and network plugins
  // Names of plugins with gantry.runtime/1, gantry.network/1, gantry.overlay/1. Empty: the only one that has it; but
  // for the overlay none, the network does it by itself.
  std::string runtime_plugin, network_plugin, overlay_plugin;
  std::string node_name;                                    // a DNS-1123 subdomain
  std::string node_address;                                 // InternalIP
  std::vector<std::pair<std::string, std::string>> labels;  // further ones
  int64_t max_pods = 110;
  std::filesystem::path data_dir;  // .../node: pods' volumes, files, logs lie below
  std::filesystem::path resolv_conf = "/etc/resolv.conf";
  std::string cgroup_root = "gantry";      // parent of all pods' cgroups
  std::vector<std::string> cluster_cidrs;  // the ranges all nodes' pod ranges come from
  std::string version;                     // kubeletVersion
  // Writes an Event; `regarding` is a serialized ObjectReference.
  std::function<void(std::string_view regarding, std::string_view type, std::string_view reason,
                     std::string_view message)>
      record_event;
  std::function<void(int32_t level, std::string_view text)> log;  // level as in abi/log.h
  limits::Notices* notices = nullptr;                             // outlives the agent; may be null

  // Of what goes wrong again and again: to `notices` under this topic, or without them to `log`.
  void trouble(std::string_view topic, const std::string& text) const;
};

struct ImageInfo {
  std::string id;
  std::vector<std::string> names, digests;
  int64_t size = 0;
};

class NodeAgent : public client::NodeBackend {
 public:
  // Fails when a plugin that it needs is not there.
  static Expected<std::unique_ptr<NodeAgent>> create(NodeOptions options);

  // Registers the node, adopts what runs, follows the API. Returns at once.
  virtual void start() = 0;
  // Ends workers, probes and watches; containers go on. Idempotent.
  virtual void stop() = 0;
  // The node is registered, has its pod range, and the pods of the API are known.
  virtual bool ready() const = 0;

  // Images of the runtime. May block. [any-thread]
  virtual Expected<std::vector<std::string>> import_image(int archive_fd) = 0;  // the names; the fd stays the caller's
  virtual Expected<std::vector<ImageInfo>> images() = 0;
  virtual Status remove_image(const std::string& name) = 0;
};

}  // namespace gantry::node
