// A range of addresses, IPv4 or IPv6. A value; pure functions, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::network {

__extension__ typedef unsigned __int128 AddressBits;

struct Cidr {
  AddressBits base = 0;  // as a number: an IPv4 address has its 32 bits
  int prefix = 0;
  bool ipv6 = false;

  // Bits behind the prefix count as zero.
  static Expected<Cidr> parse(std::string_view text);
  int bits() const { return ipv6 ? 128 : 32; }
  std::string text() const;
  bool overlaps(const Cidr& other) const;  // never across the families
  bool operator==(const Cidr&) const = default;
};

}  // namespace gantry::network
