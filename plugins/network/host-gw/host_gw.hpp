// host-gw: other nodes' pods are reached by a route over the node that has them, which must be on a network of this
// one.
//
// The plugin behind gantry.overlay/1. Its state is the kernel's: routes with a protocol number of its own, found again
// after a restart. Calls come one at a time. [worker]
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "../netlink/routes.hpp"
#include "gantry/host.hpp"
#include "gantry/overlay.pb.h"

namespace gantry::host_gw {

class HostGw {
 public:
  static Expected<std::unique_ptr<HostGw>> create(sdk::Host host);
  const void* get_interface(std::string_view id);

  Expected<abi::OverlayAdvert> set_node(const abi::OverlaySelf& self);
  Status set_nodes(const abi::OverlayNodes& nodes);

 private:
  HostGw(sdk::Host host, int protocol) : host_(host), protocol_(protocol) {}
  // What of a call could not be done; the rest is.
  struct Failures {
    Status first;
    int count = 0;
    void note(const std::string& node, Status status);
  };
  // A route, and which node it is for; of none: of an earlier instance, or of a node that went.
  struct Way {
    std::string via, node;
  };
  void let_go(const std::string& node, std::set<std::string>& unclaimed);
  Status put(netlink::Routes& routes, const abi::OverlayNode& node);
  Status reach(netlink::Routes& routes, const std::string& range, const abi::OverlayNode& node);
  Status leave(netlink::Routes& routes, const std::string& range);

  const sdk::Host host_;
  const int protocol_;
  std::mutex mutex_;  // held through calls into the kernel
  std::vector<std::string> clusters_;
  std::map<std::string, Way> ways_;                       // by range
  std::map<std::string, std::set<std::string>> by_node_;  // ranges
};

}  // namespace gantry::host_gw
