#include "core/network/network_client.hpp"

#include "core/plugin/verb_call.hpp"

namespace gantry::network {
namespace {

constexpr auto ask_network = &plugin::ask<abi::NetworkResult, gantry_network_verb>;

}  // namespace

Expected<abi::NetworkResult> NetworkClient::call(std::string_view operation, Verb verb,
                                                 const std::string& request) const {
  const auto pinned = table_.pin();
  if (pinned.table == nullptr) return table_.absent();
  const int64_t begun = operations_ ? operations_->begin() : 0;
  auto result = ask_network(pinned.table->*verb, pinned.instance, request);
  if (operations_) operations_->end(operation, begun, result.ok());
  return result;
}

Expected<abi::NetworkResult> NetworkClient::set_node(const abi::NetworkNode& node) const {
  auto bytes = node.SerializeAsString();
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->node = bytes;
  }
  return call("set_node", &gantry_network::set_node, bytes);
}

Status NetworkClient::set_nodes(const abi::NetworkNodes& nodes) const {
  auto bytes = nodes.SerializeAsString();
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->nodes = bytes;
  }
  const auto result = call("set_nodes", &gantry_network::set_nodes, bytes);
  return result ? Status() : result.error();
}

Status NetworkClient::adopt(plugin::Instance* next) const {
  const auto* table = next == nullptr ? nullptr : next->interface<gantry_network>(GANTRY_NETWORK_ID);
  if (table == nullptr) return {};
  std::optional<std::string> node, nodes;
  {
    const std::lock_guard lock(shared_->mutex);
    node = shared_->node;
    nodes = shared_->nodes;
  }
  if (node) {
    if (auto set = ask_network(table->set_node, next->get(), *node); !set) return Status(set.error()).in("set_node");
  }
  if (nodes) {
    if (auto set = ask_network(table->set_nodes, next->get(), *nodes); !set) return Status(set.error()).in("set_nodes");
  }
  return {};
}

Expected<abi::NetworkResult> NetworkClient::add(const abi::NetworkAttachment& attachment) const {
  return call("add", &gantry_network::add, attachment.SerializeAsString());
}

Status NetworkClient::del(const abi::NetworkAttachment& attachment) const {
  const auto result = call("del", &gantry_network::del, attachment.SerializeAsString());
  return result ? Status() : result.error();
}

Status NetworkClient::gc(const std::vector<std::string>& sandbox_ids) const {
  abi::NetworkLive live;
  for (const auto& id : sandbox_ids) live.add_sandbox_ids(id);
  const auto result = call("gc", &gantry_network::gc, live.SerializeAsString());
  return result ? Status() : result.error();
}

}  // namespace gantry::network
