#include "bridge.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "../netlink/netlink.hpp"
#include "gantry/abi/network.h"
#include "gantry/plugin.hpp"

namespace gantry::bridge {
namespace {

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 14'695'981'039'346'656'037ULL;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 1'099'511'628'211ULL;
  return hash;
}

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.flush();
  return file.good();
}

// The range of the family that this plugin can do.
std::string ipv4_range(const google::protobuf::RepeatedPtrField<std::string>& ranges) {
  const auto it = std::find_if(ranges.begin(), ranges.end(), [](const auto& r) { return r.find(':') == r.npos; });
  return it == ranges.end() ? std::string() : *it;
}

// What the plugin host-gw kept while it attached pods, too: their addresses must not be given out again. Once.
void take_over_state(const std::string& data_dir) {
  namespace fs = std::filesystem;
  const auto former = fs::path(data_dir).parent_path() / "host-gw";
  std::error_code error;
  for (const char* name : {"addresses", "ports"}) {
    if (!fs::exists(fs::path(data_dir) / name, error)) fs::rename(former / name, fs::path(data_dir) / name, error);
  }
}

}  // namespace

Expected<std::unique_ptr<Bridge>> Bridge::create(sdk::Host host) {
  std::unique_ptr<Bridge> plugin(new Bridge(host));
  // Several daemons on one machine: names carry the instance's suffix.
  const std::string suffix = host.daemon("instance");
  auto bridge = host.config_string("bridge", suffix.empty() ? "gantry0" : "gt-" + suffix);
  if (!bridge) return std::move(bridge).error();
  // "all" and "default" are no devices but folders of settings beside theirs.
  if (bridge->empty() || bridge->size() > 15 || bridge->find('/') != std::string::npos || *bridge == "." ||
      *bridge == ".." || *bridge == "all" || *bridge == "default") {
    return Status::invalid("bridge: \"" + *bridge + "\" is not a device name of 1 to 15 characters");
  }
  auto masquerade = host.config_bool("masquerade", true);
  if (!masquerade) return std::move(masquerade).error();
  auto mtu = host.config_int("mtu", 0);
  if (!mtu) return std::move(mtu).error();
  if (*mtu != 0 && (*mtu < 576 || *mtu > 65'535)) return Status::invalid("mtu: expected 0 or 576 to 65535");
  plugin->bridge_ = *bridge;
  plugin->table_ = suffix.empty() ? "gantry" : "gantry_" + suffix;
  char prefix[8];
  std::snprintf(prefix, sizeof prefix, "g%04x", static_cast<unsigned>(fnv1a(*bridge) & 0xffff));
  plugin->prefix_ = prefix;
  plugin->masquerade_ = *masquerade;
  plugin->mtu_ = *mtu;
  plugin->data_dir_ = host.daemon("data_dir");
  take_over_state(plugin->data_dir_);
  if (auto status = plugin->ports_.load(plugin->data_dir_); !status.ok()) return status;
  return plugin;
}

// "g" + 4 digits of the bridge + 10 of the sandbox: 15 characters, the kernel's limit.
std::string Bridge::veth_name(const std::string& sandbox) const {
  char text[16];
  std::snprintf(text, sizeof text, "%s%010llx", prefix_.c_str(),
                static_cast<unsigned long long>(fnv1a(sandbox) & 0xff'ffff'ffffULL));
  return text;
}

std::shared_ptr<AddressPool> Bridge::pool() const {
  const std::lock_guard lock(mutex_);
  return pool_;
}

Status Bridge::set_node(const abi::NetworkNode& node) {
  const auto own = ipv4_range(node.pod_cidrs());
  if (own.empty()) return Status::bad_request("the node has no IPv4 pod range yet");
  const auto range = Range::parse(own);
  if (!range) return Status(range.error());
  const auto cluster = Range::parse(node.cluster_cidr().empty() ? own : node.cluster_cidr());
  if (!cluster) return Status(cluster.error());
  auto links = netlink::Netlink::open();
  if (!links) return Status(links.error());
  int mtu = static_cast<int>(mtu_);
  if (mtu == 0) mtu = node.mtu();
  if (mtu == 0) {
    const auto found = (*links)->link_mtu(netlink::default_device());
    mtu = found ? *found : 1500;
  }
  if (auto status = (*links)->ensure_bridge(bridge_, mtu); !status.ok()) return status;
  if (auto status = (*links)->ensure_address(bridge_, range->first(), range->prefix); !status.ok()) return status;
  if (!write_file("/proc/sys/net/ipv4/ip_forward", "1")) {
    host_.warn("net.ipv4.ip_forward cannot be set: pods will not reach other networks");
  }
  const std::lock_guard lock(mutex_);
  mtu_ = mtu;
  cluster_ = *cluster;
  if (pool_ == nullptr || pool_->range().base != range->base || pool_->range().prefix != range->prefix) {
    auto opened = AddressPool::open(data_dir_ + "/addresses", *range);
    if (!opened) return std::move(opened).error();
    pool_ = std::move(*opened);
  }
  return update_firewall_locked();
}

Status Bridge::set_nodes(const abi::NetworkNodes& nodes) {
  if (nodes.nodes().empty()) return {};
  return Status(501, "NotImplemented", "bridge attaches pods alone; network.overlay names who reaches other nodes");
}

Expected<abi::NetworkResult> Bridge::add(const abi::NetworkAttachment& attachment) {
  const auto pool = this->pool();
  if (pool == nullptr) return Status::unavailable("the node has no pod range yet");
  const auto address = pool->acquire(attachment.sandbox_id());
  if (!address) return Status(address.error());
  std::string mac;
  if (auto status = attach_inside(attachment, *address, *pool, mac); !status.ok()) {
    // The address stays with the sandbox: add comes again, or del gives it back.
    return std::move(status).in("attaching " + attachment.pod_namespace() + "/" + attachment.pod_name());
  }
  note_ports(attachment, address_text(*address));
  abi::NetworkResult result;
  result.add_ips(address_text(*address));
  result.add_gateways(address_text(pool->gateway()));
  result.set_mac(mac);
  result.set_host_interface(veth_name(attachment.sandbox_id()));
  return result;
}

Status Bridge::attach_inside(const abi::NetworkAttachment& attachment, uint32_t address, const AddressPool& pool,
                             std::string& mac) {
  const std::string inside = attachment.interface().empty() ? "eth0" : attachment.interface();
  auto within = netlink::open_netlink_in(attachment.netns());
  if (!within) return Status(within.error());
  auto here = netlink::Netlink::open();
  if (!here) return Status(here.error());
  const auto host_end = veth_name(attachment.sandbox_id());
  if ((*within)->link_index(inside) == 0) {
    // A host end without its inside is what a crash between the two left.
    if (auto status = (*here)->delete_link(host_end); !status.ok()) return status;
    const int netns = ::open(attachment.netns().c_str(), O_RDONLY | O_CLOEXEC);
    if (netns < 0) return Status::not_found(attachment.netns() + ": " + std::strerror(errno));
    auto status = (*here)->create_veth(host_end, bridge_, inside, netns, static_cast<int>(mtu_));
    ::close(netns);
    if (!status.ok()) return status;
  }
  if (auto status = (*within)->ensure_up("lo"); !status.ok()) return status;
  if (auto status = (*within)->ensure_address(inside, address, pool.range().prefix); !status.ok()) return status;
  if (auto status = (*within)->ensure_up(inside); !status.ok()) return status;
  if (auto status = (*within)->ensure_default_route(inside, pool.gateway()); !status.ok()) return status;
  mac = (*within)->mac(inside);
  return {};
}

Status Bridge::del(const abi::NetworkAttachment& attachment) {
  auto links = netlink::Netlink::open();
  if (!links) return Status(links.error());
  if (auto status = (*links)->delete_link(veth_name(attachment.sandbox_id())); !status.ok()) return status;
  {
    const std::lock_guard lock(mutex_);
    if (ports_.erase(attachment.sandbox_id())) {
      if (auto status = ports_.save(); !status.ok()) return status;
      if (auto status = update_firewall_locked(); !status.ok()) return status;
    }
  }
  // Last, so that nobody gets the address while a rule or device of the old owner is there.
  const auto pool = this->pool();
  return pool == nullptr ? Status() : pool->release(attachment.sandbox_id());
}

Status Bridge::check(const abi::NetworkAttachment& attachment) {
  const auto pool = this->pool();
  if (pool == nullptr || pool->find(attachment.sandbox_id()) == 0) {
    return Status::not_found("sandbox " + attachment.sandbox_id() + " has no address");
  }
  auto links = netlink::Netlink::open();
  if (!links) return Status(links.error());
  const auto name = veth_name(attachment.sandbox_id());
  if ((*links)->link_index(name) == 0) return Status::not_found("network device " + name + " is missing");
  return {};
}

Status Bridge::gc(const abi::NetworkLive& live) {
  const std::set<std::string> ids(live.sandbox_ids().begin(), live.sandbox_ids().end());
  std::set<std::string> wanted;
  for (const auto& id : ids) wanted.insert(veth_name(id));
  auto links = netlink::Netlink::open();
  if (!links) return Status(links.error());
  for (const auto& name : (*links)->link_names()) {
    if (name.size() != 15 || !name.starts_with(prefix_) || wanted.contains(name)) continue;
    if (auto status = (*links)->delete_link(name); !status.ok()) return status;
  }
  {
    const std::lock_guard lock(mutex_);
    if (ports_.keep_only(ids)) {
      if (auto status = ports_.save(); !status.ok()) return status;
      if (auto status = update_firewall_locked(); !status.ok()) return status;
    }
  }
  const auto pool = this->pool();
  if (pool == nullptr) return {};
  const auto gone = pool->keep_only(ids);
  return gone ? Status() : Status(gone.error());
}

void Bridge::note_ports(const abi::NetworkAttachment& attachment, const std::string& address) {
  if (attachment.ports().empty()) return;
  std::vector<std::string> left_out;
  auto ports = HostPorts::of(attachment, address, left_out);
  for (const auto& port : left_out) {
    host_.warn("host port " + port + " of " + attachment.pod_name() + " is left out: only IPv4 can be served");
  }
  const std::lock_guard lock(mutex_);
  ports_.set(attachment.sandbox_id(), std::move(ports));
  auto status = ports_.save();
  if (status.ok()) status = update_firewall_locked();
  if (!status.ok()) host_.warn("host ports of " + attachment.pod_name() + ": " + status.message());
}

Status Bridge::update_firewall_locked() {
  if (pool_ == nullptr) return {};
  const auto ports = ports_.all();
  auto status = apply_firewall(firewall_rules(table_, bridge_, pool_->range(), cluster_, masquerade_, ports));
  if (status.ok()) route_localnet(!ports.empty());
  return status;
}

// Lets answers from the bridge find 127.0.0.1 while there are host ports. Only after the rules that keep others out.
void Bridge::route_localnet(bool on) {
  if (!write_file("/proc/sys/net/ipv4/conf/" + bridge_ + "/route_localnet", on ? "1" : "0") && on) {
    host_.warn("net.ipv4.conf." + bridge_ + ".route_localnet cannot be set: host ports will not answer on 127.0.0.1");
  }
}

}  // namespace gantry::bridge
