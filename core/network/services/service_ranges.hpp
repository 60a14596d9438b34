// The ranges from which Services get their cluster IPs and node ports. A value; pure functions, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/network/cidr.hpp"

namespace gantry::network {

struct ServiceRanges {
  static constexpr int kMostBits = 20;  // of a range's addresses count

  std::vector<Cidr> addresses;  // at most one of each family; the first is that of who asks for none
  int first_port = 30'000, last_port = 32'767;

  // "10.96.0.0/16" and the like, and "30000-32767".
  static Expected<ServiceRanges> parse(std::span<const std::string> addresses, std::string_view ports);
  const Cidr* of_family(bool ipv6) const;
};

}  // namespace gantry::network
