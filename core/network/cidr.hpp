// A range of addresses, IPv4 or IPv6. A value; pure functions, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::network {

__extension__ typedef unsigned __int128 AddressBits;

// One address; of IPv4 the number has 32 bits.
struct Address {
  AddressBits bits = 0;
  bool ipv6 = false;

  static std::optional<Address> parse(std::string_view text);
  std::string text() const;
  bool operator==(const Address&) const = default;
};

struct Cidr {
  AddressBits base = 0;  // as a number: an IPv4 address has its 32 bits
  int prefix = 0;
  bool ipv6 = false;

  // Bits behind the prefix count as zero.
  static Expected<Cidr> parse(std::string_view text);
  // The range of this length that has the address.
  static Cidr around(const Address& address, int prefix);
  int bits() const { return ipv6 ? 128 : 32; }
  std::string text() const;
  bool overlaps(const Cidr& other) const;  // never across the families
  bool contains(const Address& address) const;
  bool operator==(const Cidr&) const = default;
};

}  // namespace gantry::network
