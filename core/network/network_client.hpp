// The verbs of a pod network backend as typed calls over its ABI table. Each call finds
// the plugin's instance of the moment; an exchanged one is told first what the old one knew. Copies share their state.
// Verbs block. [worker]
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/plugin/operations.hpp"
#include "core/plugin/plugin_table.hpp"
#include "gantry/abi.pb.h"
#include "gantry/abi/network.h"
#include "gantry/status.hpp"

namespace gantry::network {

class NetworkClient {
 public:
  // `operations`: told of each verb; null: nobody is.
  explicit NetworkClient(plugin::PluginTable<gantry_network> table,
                         std::shared_ptr<plugin::Operations> operations = nullptr)
      : table_(std::move(table)), operations_(std::move(operations)), shared_(std::make_shared<Shared>()) {}

  const plugin::Plugin* plugin() const { return table_.plugin(); }
  std::string name() const { return plugin() == nullptr ? std::string() : plugin()->acting().name(); }
  // The plugin is exchanged: `next` hears of this node and the others before anything else. [main]
  Status adopt(plugin::Instance* next) const;

  // What this node's backend wants to tell the others (annotations of its Node).
  Expected<abi::NetworkResult> set_node(const abi::NetworkNode& node) const;
  Status set_nodes(const abi::NetworkNodes& nodes) const;
  Expected<abi::NetworkResult> add(const abi::NetworkAttachment& attachment) const;
  Status del(const abi::NetworkAttachment& attachment) const;
  Status gc(const std::vector<std::string>& sandbox_ids) const;

 private:
  using Verb = gantry_network_verb gantry_network::*;
  // What was set last, for the next instance.
  struct Shared {
    std::mutex mutex;
    std::optional<std::string> node, nodes;
  };
  Expected<abi::NetworkResult> call(std::string_view operation, Verb verb, const std::string& request) const;

  plugin::PluginTable<gantry_network> table_;
  std::shared_ptr<plugin::Operations> operations_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace gantry::network
