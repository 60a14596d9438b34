#include "core/node/machine/node_network.hpp"

#include <algorithm>

namespace gantry::node {
namespace {

bool acts_for(const plugin::Plugin& plugin, const plugin::Plugin* known) {
  return known != nullptr && &plugin == &known->acting();
}

std::string joined_list(const google::protobuf::RepeatedPtrField<std::string>& list) {
  std::string out;
  for (const auto& item : list) out += item + ",";
  return out;
}

}  // namespace

NodeNetwork::NodeNetwork(NodeParts& parts, Hooks hooks)
    : parts_(parts), hooks_(std::move(hooks)), others_(others_options()) {}

network::OtherNodes::Options NodeNetwork::others_options() {
  network::OtherNodes::Options options;
  options.client = parts_.options.client;
  options.self = parts_.options.node_name;
  options.network_alone = !parts_.overlay;
  options.schedule = hooks_.schedule;
  options.run = hooks_.read;
  options.trouble = [this](std::string_view topic, const std::string& text) { parts_.options.trouble(topic, text); };
  options.tell = [this](const abi::OverlayNodes& nodes) -> Status {
    if (parts_.stopping) return {};
    if (parts_.overlay) return parts_.overlay->set_nodes(nodes);
    abi::NetworkNodes all;
    for (const auto& node : nodes.nodes()) {
      auto& one = *all.add_nodes();
      one.set_name(node.name());
      *one.mutable_pod_cidrs() = node.pod_cidrs();
      *one.mutable_addresses() = node.addresses();
      *one.mutable_annotations() = node.advert();
    }
    return parts_.network.set_nodes(all);
  };
  return options;
}

// The overlay comes first: it says how much of a packet is left for the pods.
Status NodeNetwork::set_node(const abi::OverlayNode& self) {
  abi::NetworkNode node;
  node.set_name(self.name());
  *node.mutable_pod_cidrs() = self.pod_cidrs();
  *node.mutable_addresses() = self.addresses();
  // One alone, and IPv4 goes first: there is masquerading to be done.
  const auto& clusters = parts_.options.cluster_cidrs;
  const auto ipv4 = std::find_if(clusters.begin(), clusters.end(), [](const auto& c) { return c.find(':') == c.npos; });
  if (!clusters.empty()) node.set_cluster_cidr(ipv4 == clusters.end() ? clusters.front() : *ipv4);
  abi::OverlayAdvert advert;
  if (parts_.overlay) {
    abi::OverlaySelf of_this;
    *of_this.mutable_node() = self;
    for (const auto& cluster : clusters) of_this.add_cluster_cidrs(cluster);
    auto said = parts_.overlay->set_node(of_this);
    if (!said) return std::move(said).error().in("overlay");
    advert = std::move(*said);
    if (advert.mtu() > 0) node.set_mtu(advert.mtu());
  }
  const auto attached = parts_.network.set_node(node);
  if (!attached) return attached.error();
  if (!parts_.overlay) *advert.mutable_values() = attached->annotations();
  advertise(parts_.overlay ? parts_.overlay->name() : parts_.network.name(), advert);
  return {};
}

// A plugin that has nothing to say is written nothing of, unless it is an overlay: others must know which.
void NodeNetwork::advertise(const std::string& backend, const abi::OverlayAdvert& advert) {
  network::Advert values(advert.values().begin(), advert.values().end());
  if (const auto fine = network::check_advert(values); !fine.ok()) {
    parts_.options.trouble("overlay-advert", "plugin " + backend + ": " + fine.message());
    values.clear();
  }
  if ((parts_.overlay || !values.empty()) && !backend.empty()) values[network::kBackendType] = backend;
  others_.advertise(std::move(values));
}

// Addresses and devices of sandboxes that ended while nobody looked.
Status NodeNetwork::collect() {
  const auto sandboxes = parts_.runtime.list_pod_sandbox();
  if (!sandboxes) return sandboxes.error();
  std::vector<std::string> ids;
  for (const auto& sandbox : *sandboxes) ids.push_back(sandbox.id());
  return parts_.network.gc(ids);
}

void NodeNetwork::apply(const corev1::Node& node) {
  const std::lock_guard working(working_);
  auto self = network::overlay_node(node);
  if (self.pod_cidrs().empty() || parts_.stopping) return;
  self.clear_backend();
  self.clear_advert();
  // The status may not be written yet.
  const auto& known = self.addresses();
  if (std::find(known.begin(), known.end(), parts_.options.node_address) == known.end()) {
    self.clear_addresses();
    self.add_addresses(parts_.options.node_address);
  }
  const auto wanted = joined_list(self.pod_cidrs()) + " " + joined_list(self.addresses());
  if (wanted == applied_ && parts_.network_ready) return;
  auto status = set_node(self);
  // Only before the first attachment: a sandbox being made is not listed yet.
  if (status.ok() && !collected_) {
    status = collect();
    collected_ = status.ok();
  }
  if (!status.ok()) {
    hooks_.failed(status.message());
    hooks_.schedule(2'000, [post = hooks_.post, this, node] { post([this, node] { apply(node); }); });
    return;
  }
  applied_ = wanted;
  const bool first = !parts_.network_ready.exchange(true);
  if (first) hooks_.ready();
  others_.open();
}

Status NodeNetwork::adopt(const plugin::Plugin& plugin, plugin::Instance* next) {
  if (acts_for(plugin, parts_.network.plugin())) {
    if (auto done = parts_.network.adopt(next); !done.ok()) return done;
  }
  if (!parts_.overlay || !acts_for(plugin, parts_.overlay->plugin())) return {};
  auto advert = parts_.overlay->adopt(next, others_.all());
  if (!advert) return std::move(advert).error();
  if (*advert) advertise(plugin.name(), **advert);
  return {};
}

}  // namespace gantry::node
