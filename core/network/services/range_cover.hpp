// Addresses that were given out of ranges, and which of them lie in none any more. What a change costs grows with what
// it touches: the addresses of a range that comes or goes, one look-up for each length of prefix for an address.
//
// Used by the keeper of ServiceCIDRs, under its lock. Not thread-safe.
#pragma once

#include <array>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "core/network/cidr.hpp"

namespace gantry::network {

class RangeCover {
 public:
  // A range that stays; the same one may be added by several.
  void add(const Cidr& range);
  void remove(const Cidr& range);
  void give(const Address& address);
  void take_back(const Address& address);
  // All that were given, instead of those before.
  void give_all(std::span<const Address> addresses);

  // Whether one as wide, or wider, stays.
  bool contains(const Cidr& range) const;
  // Whether an address of this range was given that none of those that stay gives.
  bool leaves_out(const Cidr& range) const;

 private:
  // As addresses of an IPv4 range lie together, and those of an IPv6 one.
  using Place = std::pair<bool, AddressBits>;
  using Places = std::set<Place>;

  bool gives(const Address& address) const;
  static Place place_of(const Address& address) { return {address.ipv6, address.bits}; }
  template <typename See>
  static void each_of(const Places& places, const Cidr& range, const See& see);

  struct Family {
    std::map<std::pair<int, AddressBits>, size_t> ranges;  // by prefix and base, how many have it
    std::map<int, size_t> prefixes;                        // how many ranges have this prefix
  };
  std::array<Family, 2> families_;
  Places given_, left_out_;
};

}  // namespace gantry::network
