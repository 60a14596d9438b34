// bridge: a bridge on the node, a veth pair and a host-local address for each pod, masquerading for what leaves.
//
// The plugin behind gantry.network/1. Level-triggered: every call may come again, also after a restart. State on disk
// is the addresses and host ports alone; names of devices follow from the sandbox's id. [worker], calls for distinct
// sandboxes concurrently.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "addresses.hpp"
#include "firewall.hpp"
#include "gantry/abi.pb.h"
#include "gantry/host.hpp"
#include "host_ports.hpp"

namespace gantry::bridge {

class Bridge {
 public:
  static Expected<std::unique_ptr<Bridge>> create(sdk::Host host);
  const void* get_interface(std::string_view id);

  Status set_node(const abi::NetworkNode& node);
  Status set_nodes(const abi::NetworkNodes& nodes);
  Expected<abi::NetworkResult> add(const abi::NetworkAttachment& attachment);
  Status del(const abi::NetworkAttachment& attachment);
  Status check(const abi::NetworkAttachment& attachment);
  Status gc(const abi::NetworkLive& live);

 private:
  explicit Bridge(sdk::Host host) : host_(host) {}
  std::string veth_name(const std::string& sandbox) const;
  std::shared_ptr<AddressPool> pool() const;
  Status attach_inside(const abi::NetworkAttachment& attachment, uint32_t address, const AddressPool& pool,
                       std::string& mac);
  Status update_firewall_locked();
  void route_localnet(bool on);
  void note_ports(const abi::NetworkAttachment& attachment, const std::string& address);

  const sdk::Host host_;
  std::string bridge_, table_, prefix_;
  std::string data_dir_;
  bool masquerade_ = true;
  int64_t mtu_ = 0;
  mutable std::mutex mutex_;
  std::shared_ptr<AddressPool> pool_;
  Range cluster_{};
  HostPorts ports_;
};

}  // namespace gantry::bridge
