// host-gw: a bridge on the node, a veth pair and a host-local address for each pod, masquerading for what leaves.
//
// The plugin behind gantry.network/1. Level-triggered: every call may come again, also after a restart. State on disk
// is the addresses alone; names of devices follow from the sandbox's id. [worker], calls for distinct sandboxes
// concurrently.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "addresses.hpp"
#include "firewall.hpp"
#include "gantry/abi.pb.h"
#include "gantry/host.hpp"

namespace gantry::host_gw {

class HostGw {
 public:
  static Expected<std::unique_ptr<HostGw>> create(sdk::Host host);
  const void* get_interface(std::string_view id);

  Status set_node(const abi::NetworkNode& node);
  Status set_nodes(const abi::NetworkNodes& nodes);
  Expected<abi::NetworkResult> add(const abi::NetworkAttachment& attachment);
  Status del(const abi::NetworkAttachment& attachment);
  Status check(const abi::NetworkAttachment& attachment);
  Status gc(const abi::NetworkLive& live);

 private:
  explicit HostGw(sdk::Host host) : host_(host) {}
  std::string veth_name(const std::string& sandbox) const;
  std::shared_ptr<AddressPool> pool() const;
  Status attach_inside(const abi::NetworkAttachment& attachment, uint32_t address, const AddressPool& pool,
                       std::string& mac);
  Status update_firewall_locked();
  void route_localnet(bool on);
  void note_ports(const abi::NetworkAttachment& attachment, const std::string& address);
  Status load_ports();
  Status save_ports_locked();

  const sdk::Host host_;
  std::string bridge_, table_, prefix_;
  std::string data_dir_;
  bool masquerade_ = true;
  int64_t mtu_ = 0;
  mutable std::mutex mutex_;
  std::shared_ptr<AddressPool> pool_;
  Range cluster_{};
  std::map<std::string, abi::NetworkAttachment> ports_;  // sandboxes with host ports
};

}  // namespace gantry::host_gw
