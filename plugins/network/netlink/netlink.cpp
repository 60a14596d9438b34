#include "netlink.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>
#include <netlink/route/link/veth.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

namespace gantry::netlink {
namespace {

template <auto Put>
struct PutIt {
  template <typename T>
  void operator()(T* object) const {
    Put(object);
  }
};
using Link = std::unique_ptr<rtnl_link, PutIt<rtnl_link_put>>;
using Addr = std::unique_ptr<rtnl_addr, PutIt<rtnl_addr_put>>;
using Route = std::unique_ptr<rtnl_route, PutIt<rtnl_route_put>>;
using NlAddr = std::unique_ptr<nl_addr, PutIt<nl_addr_put>>;
using Cache = std::unique_ptr<nl_cache, PutIt<nl_cache_free>>;

Status failed(const std::string& what, int error) { return Status::internal(what + ": " + nl_geterror(error)); }

NlAddr to_addr(uint32_t address, int prefix) {
  const uint32_t raw = htonl(address);
  NlAddr built(nl_addr_build(AF_INET, &raw, sizeof raw));
  nl_addr_set_prefixlen(built.get(), prefix);
  return built;
}

Link get_link(nl_sock* socket, const std::string& name) {
  rtnl_link* link = nullptr;
  if (rtnl_link_get_kernel(socket, 0, name.c_str(), &link) < 0) return nullptr;
  return Link(link);
}

}  // namespace

Expected<std::unique_ptr<Netlink>> Netlink::open() {
  nl_sock* socket = nl_socket_alloc();
  if (socket == nullptr) return Status::internal("no memory for a netlink socket");
  if (const int error = nl_connect(socket, NETLINK_ROUTE); error < 0) {
    nl_socket_free(socket);
    return failed("opening a netlink socket", error);
  }
  return std::unique_ptr<Netlink>(new Netlink(socket));
}

Netlink::~Netlink() { nl_socket_free(socket_); }

int Netlink::link_index(const std::string& name) {
  const Link link = get_link(socket_, name);
  return link == nullptr ? 0 : rtnl_link_get_ifindex(link.get());
}

std::vector<std::string> Netlink::link_names() {
  nl_cache* raw = nullptr;
  std::vector<std::string> names;
  if (rtnl_link_alloc_cache(socket_, AF_UNSPEC, &raw) < 0) return names;
  const Cache cache(raw);
  for (nl_object* it = nl_cache_get_first(raw); it != nullptr; it = nl_cache_get_next(it)) {
    names.emplace_back(rtnl_link_get_name(reinterpret_cast<rtnl_link*>(it)));
  }
  return names;
}

Expected<int> Netlink::link_mtu(const std::string& name) {
  const Link link = get_link(socket_, name);
  if (link == nullptr) return Status::not_found("no network device " + name);
  return static_cast<int>(rtnl_link_get_mtu(link.get()));
}

std::string Netlink::mac(const std::string& name) {
  const Link link = get_link(socket_, name);
  if (link == nullptr) return {};
  std::array<char, 64> text{};
  return nl_addr2str(rtnl_link_get_addr(link.get()), text.data(), text.size());
}

Status Netlink::ensure_bridge(const std::string& name, int mtu) {
  if (const Link existing = get_link(socket_, name)) {
    const char* type = rtnl_link_get_type(existing.get());
    if (type == nullptr || std::string_view(type) != "bridge") {
      return Status::conflict("network device " + name +
                              " exists and is not a bridge; set another name for the bridge");
    }
    return ensure_up(name);
  }
  const Link bridge(rtnl_link_bridge_alloc());
  rtnl_link_set_name(bridge.get(), name.c_str());
  if (mtu > 0) rtnl_link_set_mtu(bridge.get(), static_cast<unsigned>(mtu));
  const int error = rtnl_link_add(socket_, bridge.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (error < 0 && error != -NLE_EXIST) return failed("creating bridge " + name, error);
  return ensure_up(name);
}

Status Netlink::ensure_up(const std::string& device) {
  const Link link = get_link(socket_, device);
  if (link == nullptr) return Status::not_found("no network device " + device);
  if ((rtnl_link_get_flags(link.get()) & IFF_UP) != 0) return {};
  const Link change(rtnl_link_alloc());
  rtnl_link_set_flags(change.get(), IFF_UP);
  const int error = rtnl_link_change(socket_, link.get(), change.get(), 0);
  return error < 0 ? failed("setting " + device + " up", error) : Status();
}

Status Netlink::ensure_address(const std::string& device, uint32_t address, int prefix) {
  const Addr addr(rtnl_addr_alloc());
  rtnl_addr_set_ifindex(addr.get(), link_index(device));
  const auto local = to_addr(address, prefix);
  rtnl_addr_set_local(addr.get(), local.get());
  const auto broadcast = to_addr(address | ((1U << (32 - prefix)) - 1), prefix);
  rtnl_addr_set_broadcast(addr.get(), broadcast.get());
  const int error = rtnl_addr_add(socket_, addr.get(), 0);
  return error < 0 && error != -NLE_EXIST ? failed("setting the address of " + device, error) : Status();
}

Status Netlink::ensure_default_route(const std::string& device, uint32_t gateway) {
  const Route route(rtnl_route_alloc());
  const auto anywhere = to_addr(0, 0);
  rtnl_route_set_dst(route.get(), anywhere.get());
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  rtnl_route_nh_set_ifindex(hop, link_index(device));
  const auto via = to_addr(gateway, 32);
  rtnl_route_nh_set_gateway(hop, via.get());
  rtnl_route_add_nexthop(route.get(), hop);  // the route owns it
  const int error = rtnl_route_add(socket_, route.get(), NLM_F_CREATE | NLM_F_REPLACE);
  return error < 0 && error != -NLE_EXIST ? failed("setting the default route", error) : Status();
}

Status Netlink::create_veth(const std::string& host, const std::string& bridge, const std::string& inside, int netns_fd,
                            int mtu) {
  const int master = link_index(bridge);
  if (master == 0) return Status::unavailable("the bridge " + bridge + " is not there yet");
  const Link link(rtnl_link_veth_alloc());
  rtnl_link_set_name(link.get(), host.c_str());
  if (mtu > 0) rtnl_link_set_mtu(link.get(), static_cast<unsigned>(mtu));
  rtnl_link* peer = rtnl_link_veth_get_peer(link.get());
  rtnl_link_set_name(peer, inside.c_str());
  if (mtu > 0) rtnl_link_set_mtu(peer, static_cast<unsigned>(mtu));
  rtnl_link_set_ns_fd(peer, netns_fd);
  int error = rtnl_link_add(socket_, link.get(), NLM_F_CREATE | NLM_F_EXCL);
  rtnl_link_put(peer);
  if (error < 0) return failed("creating the veth pair " + host, error);
  const Link made = get_link(socket_, host);
  if (made == nullptr) return Status::internal("the veth " + host + " vanished after its creation");
  error = rtnl_link_enslave_ifindex(socket_, master, rtnl_link_get_ifindex(made.get()));
  if (error < 0) return failed("joining " + host + " to " + bridge, error);
  // A pod must reach itself through its Service: let the bridge send a frame back where it came from.
  std::ofstream("/sys/class/net/" + host + "/brport/hairpin_mode") << "1";
  return ensure_up(host);
}

Status Netlink::delete_link(const std::string& name) {
  const Link link = get_link(socket_, name);
  if (link == nullptr) return {};
  const int error = rtnl_link_delete(socket_, link.get());
  const bool gone = error == -NLE_OBJ_NOTFOUND || error == -NLE_NODEV;
  return error < 0 && !gone ? failed("deleting " + name, error) : Status();
}

Expected<std::unique_ptr<Netlink>> open_netlink_in(const std::string& netns_path) {
  const int fd = ::open(netns_path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Status::not_found("network namespace " + netns_path + ": " + std::strerror(errno));
  // A socket stays in the namespace it was made in; a thread of its own leaves this one's where it is.
  Expected<std::unique_ptr<Netlink>> opened = Status::internal("the namespace thread did not run");
  std::thread([&] {
    if (::setns(fd, CLONE_NEWNET) != 0) {
      opened = Status::internal("entering " + netns_path + ": " + std::strerror(errno));
    } else {
      opened = Netlink::open();
    }
  }).join();
  ::close(fd);
  return opened;
}

std::string default_device() {
  std::ifstream routes("/proc/net/route");
  std::string line, device, destination;
  std::getline(routes, line);
  while (std::getline(routes, line)) {
    const size_t tab = line.find('\t');
    if (tab != line.npos && line.compare(tab + 1, 8, "00000000") == 0) return line.substr(0, tab);
  }
  return {};
}

}  // namespace gantry::netlink
