#include "host_gw.hpp"

#include <fstream>
#include <utility>

#include "gantry/plugin.hpp"
#include "gantry/verbs.hpp"

namespace gantry::host_gw {
namespace {

constexpr char kName[] = "host-gw";
// Protocol numbers of routes: nobody else's, as far as iproute2 knows (rt_protos). Several daemons on one machine have
// different ones, mostly; the ranges of their clusters tell them apart, too.
constexpr int kProtocol = 71, kFurther = 12;

bool is_ipv6(std::string_view text) { return text.find(':') != text.npos; }

int protocol_of(std::string_view instance) {
  if (instance.empty()) return kProtocol;
  uint32_t hash = 2'166'136'261U;  // FNV-1a
  for (const char c : instance) hash = (hash ^ static_cast<uint8_t>(c)) * 16'777'619U;
  return kProtocol + 1 + static_cast<int>(hash % kFurther);
}

}  // namespace

Expected<std::unique_ptr<HostGw>> HostGw::create(sdk::Host host) {
  return std::unique_ptr<HostGw>(new HostGw(host, protocol_of(host.daemon("instance"))));
}

const void* HostGw::get_interface(std::string_view id) {
  static constexpr gantry_overlay kTable = sdk::overlay_verbs<HostGw>();
  return id == GANTRY_OVERLAY_ID ? &kTable : nullptr;
}

Expected<abi::OverlayAdvert> HostGw::set_node(const abi::OverlaySelf& self) {
  const std::lock_guard lock(mutex_);
  clusters_.assign(self.cluster_cidrs().begin(), self.cluster_cidrs().end());
  bool ipv4 = false, ipv6 = false;
  for (const auto& range : self.node().pod_cidrs()) (is_ipv6(range) ? ipv6 : ipv4) = true;
  const auto forward = [&](const char* setting) {
    std::ofstream file(std::string("/proc/sys/net/") + setting);
    file << "1" << std::flush;
    if (!file.good()) host_.warn(std::string(setting) + " cannot be set: other nodes' pods will not be reached");
  };
  if (ipv4) forward("ipv4/ip_forward");
  if (ipv6) forward("ipv6/conf/all/forwarding");
  return abi::OverlayAdvert();  // the node's address says all
}

void HostGw::Failures::note(const std::string& node, Status status) {
  if (status.ok() || count++ > 0) return;
  first = std::move(status).in("node " + node);
}

Status HostGw::set_nodes(const abi::OverlayNodes& nodes) {
  const std::lock_guard lock(mutex_);
  auto opened = netlink::Routes::open(protocol_);
  if (!opened) return std::move(opened).error();
  auto& routes = **opened;
  std::set<std::string> unclaimed;  // a range may go from one node to another
  if (nodes.complete()) {
    auto there = routes.list(clusters_);
    if (!there) return std::move(there).error();
    ways_.clear();
    by_node_.clear();
    for (auto& [range, via] : *there) {
      unclaimed.insert(range);
      ways_[range] = {std::move(via), ""};
    }
  }
  for (const auto& name : nodes.gone()) let_go(name, unclaimed);
  for (const auto& node : nodes.nodes()) let_go(node.name(), unclaimed);
  Failures failures;
  for (const auto& node : nodes.nodes()) failures.note(node.name(), put(routes, node));
  for (const auto& range : unclaimed) {
    if (const auto it = ways_.find(range); it != ways_.end() && it->second.node.empty()) {
      failures.note("that is gone", leave(routes, range));
    }
  }
  if (failures.count > 1) return std::move(failures.first).in(std::to_string(failures.count) + " failures, the first");
  return failures.first;
}

void HostGw::let_go(const std::string& node, std::set<std::string>& unclaimed) {
  const auto known = by_node_.find(node);
  if (known == by_node_.end()) return;
  for (const auto& range : known->second) {
    const auto way = ways_.find(range);
    if (way == ways_.end() || way->second.node != node) continue;
    way->second.node.clear();
    unclaimed.insert(range);
  }
  by_node_.erase(known);
}

Status HostGw::put(netlink::Routes& routes, const abi::OverlayNode& node) {
  if (!node.backend().empty() && node.backend() != kName) {
    host_.warn("node " + node.name() + " has the overlay " + node.backend() + " and not " + kName +
               ": no route leads to it");
    return {};
  }
  Status failed;
  for (const auto& text : node.pod_cidrs()) {
    const auto range = netlink::canonical(text);
    by_node_[node.name()].insert(range);
    if (auto done = reach(routes, range, node); !done.ok()) failed = std::move(done);
  }
  return failed;
}

// Over the first of the node's addresses that the kernel takes for a neighbour's.
Status HostGw::reach(netlink::Routes& routes, const std::string& range, const abi::OverlayNode& node) {
  const auto present = ways_.find(range);
  auto failed = Status::invalid("it has no address of the family of its range " + range);
  for (const auto& address : node.addresses()) {
    if (is_ipv6(address) != is_ipv6(range)) continue;
    const auto via = netlink::canonical(address);
    const bool there = present != ways_.end() && present->second.via == via;
    if (!there) failed = routes.set(range, via);
    if (!there && !failed.ok()) continue;
    ways_[range] = {via, node.name()};
    return {};
  }
  // It led where the node is no more.
  if (present != ways_.end() && present->second.node.empty()) {
    if (auto done = leave(routes, range); !done.ok()) return done;
  }
  return failed;
}

Status HostGw::leave(netlink::Routes& routes, const std::string& range) {
  const auto it = ways_.find(range);
  if (it == ways_.end()) return {};
  auto done = routes.remove(range, it->second.via);
  if (done.ok()) ways_.erase(it);
  return done;
}

}  // namespace gantry::host_gw

GANTRY_PLUGIN(gantry::host_gw::HostGw, "host-gw", "1.0.0", "Gantry", "Routes to other nodes' pods", GANTRY_OVERLAY_ID);
