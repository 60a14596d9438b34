#include "core/node/node_network.hpp"

namespace gantry::node {
namespace {

abi::NetworkNode network_node(const corev1::Node& node) {
  abi::NetworkNode out;
  out.set_name(node.metadata().name());
  for (const auto& cidr : node.spec().pod_cidrs()) out.add_pod_cidrs(cidr);
  if (out.pod_cidrs_size() == 0 && !node.spec().pod_cidr().empty()) out.add_pod_cidrs(node.spec().pod_cidr());
  for (const auto& address : node.status().addresses()) {
    if (address.type() == "InternalIP") out.add_addresses(address.address());
  }
  *out.mutable_annotations() = {node.metadata().annotations().begin(), node.metadata().annotations().end()};
  return out;
}

}  // namespace

void NodeNetwork::follow_nodes() {
  client::WatchRequest what;
  what.version = "v1";
  what.resource = "nodes";
  client::ReflectorHandler handler;
  handler.replace = [this](const client::Client::List& list) {
    {
      const std::lock_guard lock(mutex_);
      nodes_.clear();
    }
    for (const auto& object : list.objects) see(object, false);
    hooks_.post([this] { apply_nodes(); });
  };
  handler.event = [this](const client::WatchEvent& event) {
    see(event.object, event.type == client::WatchEvent::Type::kDeleted);
  };
  nodes_watch_ = client::start_reflector(*parts_.options.client, std::move(what), std::move(handler), hooks_.schedule);
}

void NodeNetwork::see(const client::Object& object, bool deleted) {
  corev1::Node node;
  if (!node.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()))) return;
  if (node.metadata().name() == parts_.options.node_name) return;
  auto now = network_node(node);
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    auto& known = nodes_[node.metadata().name()];
    const bool useful = !deleted && now.pod_cidrs_size() > 0 && now.addresses_size() > 0;
    changed = useful ? known.pod_cidrs_size() == 0 || known.pod_cidrs(0) != now.pod_cidrs(0) ||
                           known.addresses_size() == 0 || known.addresses(0) != now.addresses(0)
                     : known.pod_cidrs_size() > 0;
    if (useful) {
      known = std::move(now);
    } else {
      nodes_.erase(node.metadata().name());
    }
  }
  if (changed) hooks_.post([this] { apply_nodes(); });
}

Status NodeNetwork::set_node(const std::string& pod_cidr) {
  abi::NetworkNode node;
  node.set_name(parts_.options.node_name);
  node.add_pod_cidrs(pod_cidr);
  node.add_addresses(parts_.options.node_address);
  node.set_cluster_cidr(parts_.options.cluster_cidr);
  const auto result = parts_.network.set_node(node);
  return result ? Status() : result.error();
}

// Addresses and devices of sandboxes that ended while nobody looked.
Status NodeNetwork::collect() {
  const auto sandboxes = parts_.runtime.list_pod_sandbox();
  if (!sandboxes) return sandboxes.error();
  std::vector<std::string> ids;
  for (const auto& sandbox : *sandboxes) ids.push_back(sandbox.id());
  return parts_.network.gc(ids);
}

void NodeNetwork::apply(const std::string& pod_cidr) {
  const std::lock_guard working(working_);
  if (pod_cidr.empty() || parts_.stopping) return;
  if (pod_cidr == applied_cidr_ && parts_.network_ready) return;
  auto status = set_node(pod_cidr);
  // Only before the first attachment: a sandbox being made is not listed yet.
  if (status.ok() && !collected_) {
    status = collect();
    collected_ = status.ok();
  }
  if (!status.ok()) {
    hooks_.failed(status.message());
    hooks_.schedule(2'000, [post = hooks_.post, this, pod_cidr] { post([this, pod_cidr] { apply(pod_cidr); }); });
    return;
  }
  applied_cidr_ = pod_cidr;
  const bool first = !parts_.network_ready.exchange(true);
  if (first) hooks_.ready();
}

void NodeNetwork::apply_nodes() {
  const std::lock_guard working(working_);
  if (!parts_.network_ready || parts_.stopping) return;
  abi::NetworkNodes nodes;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, node] : nodes_) *nodes.add_nodes() = node;
  }
  if (nodes.nodes_size() == 0 && !told_others_) return;
  told_others_ = true;
  if (auto status = parts_.network.set_nodes(nodes); !status.ok()) hooks_.failed("other nodes: " + status.message());
}

}  // namespace gantry::node
