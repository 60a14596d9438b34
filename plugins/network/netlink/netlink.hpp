// The kernel's network objects, over libnl-route: bridge, veth pairs, addresses, routes. [worker]
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gantry/status.hpp"

struct nl_sock;

namespace gantry::netlink {

// A netlink socket in the network namespace of the thread that opened it. One thread at a time.
class Netlink {
 public:
  static Expected<std::unique_ptr<Netlink>> open();
  ~Netlink();
  Netlink(const Netlink&) = delete;
  Netlink& operator=(const Netlink&) = delete;

  // 0 when there is no such device.
  int link_index(const std::string& name);
  std::vector<std::string> link_names();
  Expected<int> link_mtu(const std::string& name);

  // Each makes it so, and changes nothing when it is so already.
  Status ensure_bridge(const std::string& name, int mtu);
  Status ensure_address(const std::string& device, uint32_t address, int prefix);
  Status ensure_up(const std::string& device);
  Status ensure_default_route(const std::string& device, uint32_t gateway);

  // A veth pair: `host` here, joined to `bridge`; `inside` in the namespace of `netns_fd`.
  Status create_veth(const std::string& host, const std::string& bridge, const std::string& inside, int netns_fd,
                     int mtu);
  Status delete_link(const std::string& name);  // fine when there is none
  std::string mac(const std::string& name);

 private:
  explicit Netlink(nl_sock* socket) : socket_(socket) {}
  nl_sock* socket_;
};

// Opens a Netlink inside another network namespace.
Expected<std::unique_ptr<Netlink>> open_netlink_in(const std::string& netns_path);

// The device of the default route here, "" when there is none.
std::string default_device();

}  // namespace gantry::netlink
