#include "routes.hpp"

#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>

#include <algorithm>
#include <array>

namespace gantry::netlink {
namespace {

template <auto Put>
struct PutIt {
  template <typename T>
  void operator()(T* object) const {
    Put(object);
  }
};
using Route = std::unique_ptr<rtnl_route, PutIt<rtnl_route_put>>;
using Address = std::unique_ptr<nl_addr, PutIt<nl_addr_put>>;
using Cache = std::unique_ptr<nl_cache, PutIt<nl_cache_free>>;

Address parse(const std::string& text) {
  nl_addr* parsed = nullptr;
  return Address(nl_addr_parse(text.c_str(), AF_UNSPEC, &parsed) < 0 ? nullptr : parsed);
}

std::string text_of(const nl_addr* address) {
  std::array<char, 64> text{};
  return nl_addr2str(address, text.data(), text.size());
}

Route make(const std::string& range, const std::string& via, int protocol) {
  const auto to = parse(range), over = parse(via);
  if (to == nullptr || over == nullptr || nl_addr_get_family(to.get()) != nl_addr_get_family(over.get()))
    return nullptr;
  Route route(rtnl_route_alloc());
  rtnl_route_set_family(route.get(), static_cast<uint8_t>(nl_addr_get_family(to.get())));
  rtnl_route_set_dst(route.get(), to.get());
  rtnl_route_set_table(route.get(), RT_TABLE_MAIN);
  rtnl_route_set_protocol(route.get(), static_cast<uint8_t>(protocol));
  rtnl_nexthop* hop = rtnl_route_nh_alloc();
  rtnl_route_nh_set_gateway(hop, over.get());
  rtnl_route_add_nexthop(route.get(), hop);  // the route owns it
  return route;
}

bool lies_within(nl_addr* range, nl_addr* wider) {
  return nl_addr_get_family(range) == nl_addr_get_family(wider) &&
         nl_addr_get_prefixlen(range) >= nl_addr_get_prefixlen(wider) && nl_addr_cmp_prefix(range, wider) == 0;
}

}  // namespace

std::string canonical(const std::string& text) {
  const auto parsed = parse(text);
  return parsed == nullptr ? text : text_of(parsed.get());
}

Expected<std::unique_ptr<Routes>> Routes::open(int protocol) {
  nl_sock* socket = nl_socket_alloc();
  if (socket == nullptr) return Status::internal("no memory for a netlink socket");
  std::unique_ptr<Routes> routes(new Routes(socket, protocol));
  if (const int error = nl_connect(socket, NETLINK_ROUTE); error < 0) {
    return Status::internal(std::string("opening a netlink socket: ") + nl_geterror(error));
  }
  return routes;
}

Routes::~Routes() { nl_socket_free(socket_); }

Expected<std::map<std::string, std::string>> Routes::list(const std::vector<std::string>& within) {
  nl_cache* raw = nullptr;
  if (const int error = rtnl_route_alloc_cache(socket_, AF_UNSPEC, 0, &raw); error < 0) {
    return Status::internal(std::string("listing routes: ") + nl_geterror(error));
  }
  const Cache cache(raw);
  std::vector<Address> bounds;
  for (const auto& text : within) bounds.push_back(parse(text));
  std::map<std::string, std::string> found;
  for (nl_object* it = nl_cache_get_first(raw); it != nullptr; it = nl_cache_get_next(it)) {
    auto* route = reinterpret_cast<rtnl_route*>(it);
    if (rtnl_route_get_protocol(route) != protocol_ || rtnl_route_get_table(route) != RT_TABLE_MAIN ||
        rtnl_route_get_nnexthops(route) != 1) {
      continue;
    }
    nl_addr* range = rtnl_route_get_dst(route);
    const nl_addr* via = rtnl_route_nh_get_gateway(rtnl_route_nexthop_n(route, 0));
    const bool inside = bounds.empty() || std::any_of(bounds.begin(), bounds.end(), [&](const Address& bound) {
                          return bound != nullptr && lies_within(range, bound.get());
                        });
    if (via != nullptr && inside) found[text_of(range)] = text_of(via);
  }
  return found;
}

Status Routes::set(const std::string& range, const std::string& via) {
  const auto route = make(range, via, protocol_);
  if (route == nullptr) return Status::invalid("no route can lead to " + range + " over " + via);
  int error = rtnl_route_add(socket_, route.get(), NLM_F_CREATE | NLM_F_EXCL);
  if (error == -NLE_EXIST) {
    const auto own = list({range});
    if (!own) return own.error();
    if (!own->contains(range)) return Status::conflict("there is a route to " + range + " that is somebody else's");
    if (own->at(range) == via) return {};
    error = rtnl_route_add(socket_, route.get(), NLM_F_CREATE | NLM_F_REPLACE);
  }
  if (error >= 0) return {};
  return Status::internal("the route to " + range + " over " + via + " can't be made: " + nl_geterror(error));
}

Status Routes::remove(const std::string& range, const std::string& via) {
  const auto route = make(range, via, protocol_);
  if (route == nullptr) return {};
  const int error = rtnl_route_delete(socket_, route.get(), 0);
  if (error >= 0 || error == -NLE_OBJ_NOTFOUND) return {};
  return Status::internal("the route to " + range + " over " + via + " can't be removed: " + nl_geterror(error));
}

}  // namespace gantry::netlink
