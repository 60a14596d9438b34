// One nftables table of this plugin's: masquerading of what leaves the cluster, host ports, and a guard of the
// loopback's addresses. [worker]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "addresses.hpp"
#include "gantry/status.hpp"

namespace gantry::bridge {

struct HostPort {
  std::string protocol;  // "tcp", "udp"
  uint16_t host_port = 0;
  std::string host_ip;  // empty: any
  std::string pod_ip;
  uint16_t pod_port = 0;
};

// The rules as text for nft: the whole table, replaced in one transaction, so that applying it twice changes nothing.
std::string firewall_rules(const std::string& table, const std::string& bridge, const Range& pods, const Range& cluster,
                           bool masquerade, const std::vector<HostPort>& ports);
Status apply_firewall(const std::string& rules);

}  // namespace gantry::bridge
