#include "core/node/network_client.hpp"

#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::node {

Expected<abi::NetworkResult> NetworkClient::call(gantry_network_verb verb, const std::string& request) const {
  Buffer answer, error;
  if (const auto code = verb(instance_, to_slice(request), answer.out(), error.out()); code != 0) {
    return status_of(code, error.view());
  }
  abi::NetworkResult result;
  if (!result.ParseFromArray(answer.view().data(), static_cast<int>(answer.view().size()))) {
    return Status::internal("the network's answer could not be decoded");
  }
  return result;
}

Expected<abi::NetworkResult> NetworkClient::set_node(const abi::NetworkNode& node) const {
  return call(table_->set_node, node.SerializeAsString());
}

Status NetworkClient::set_nodes(const abi::NetworkNodes& nodes) const {
  const auto result = call(table_->set_nodes, nodes.SerializeAsString());
  return result ? Status() : result.error();
}

Expected<abi::NetworkResult> NetworkClient::add(const abi::NetworkAttachment& attachment) const {
  return call(table_->add, attachment.SerializeAsString());
}

Status NetworkClient::del(const abi::NetworkAttachment& attachment) const {
  const auto result = call(table_->del, attachment.SerializeAsString());
  return result ? Status() : result.error();
}

Status NetworkClient::gc(const std::vector<std::string>& sandbox_ids) const {
  abi::NetworkLive live;
  for (const auto& id : sandbox_ids) live.add_sandbox_ids(id);
  const auto result = call(table_->gc, live.SerializeAsString());
  return result ? Status() : result.error();
}

}  // namespace gantry::node
