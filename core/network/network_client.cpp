#include "core/network/network_client.hpp"

namespace gantry::network {

using abi::NetworkResult;

Expected<NetworkResult> NetworkClient::set_node(const abi::NetworkNode& node) const {
  return set<NetworkResult>(&gantry_network::set_node, node_, node);
}

Status NetworkClient::set_nodes(const abi::NetworkNodes& nodes) const {
  return plugin::only_status(set<NetworkResult>(&gantry_network::set_nodes, nodes_, nodes));
}

Status NetworkClient::adopt(plugin::Instance* next) const {
  const auto verbs = of(next);
  if (!verbs) return {};
  if (const auto node = node_.get()) {
    auto set = ask<NetworkResult>(verbs, &gantry_network::set_node, *node);
    if (!set) return std::move(set).error().in("set_node");
  }
  if (const auto nodes = nodes_.get()) {
    auto set = ask<NetworkResult>(verbs, &gantry_network::set_nodes, *nodes);
    if (!set) return std::move(set).error().in("set_nodes");
  }
  return {};
}

Expected<NetworkResult> NetworkClient::add(const abi::NetworkAttachment& attachment) const {
  return call<NetworkResult>(&gantry_network::add, attachment);
}

Status NetworkClient::del(const abi::NetworkAttachment& attachment) const {
  return plugin::only_status(call<NetworkResult>(&gantry_network::del, attachment));
}

Status NetworkClient::gc(const std::vector<std::string>& sandbox_ids) const {
  abi::NetworkLive live;
  for (const auto& id : sandbox_ids) live.add_sandbox_ids(id);
  return plugin::only_status(call<NetworkResult>(&gantry_network::gc, live));
}

}  // namespace gantry::network
