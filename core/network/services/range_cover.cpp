#include "core/network/services/range_cover.hpp"

#include <algorithm>
#include <vector>

#include "core/network/services/service_numbers.hpp"

namespace gantry::network {

template <typename See>
void RangeCover::each_of(const Places& places, const Cidr& range, const See& see) {
  for (auto it = places.lower_bound({range.ipv6, range.base}); it != places.end(); ++it) {
    const Address address{it->second, it->first};
    if (!range.contains(address) || !see(address)) return;
  }
}

void RangeCover::add(const Cidr& range) {
  auto& family = families_[range.ipv6 ? 1 : 0];
  if (family.ranges[{range.prefix, range.base}]++ != 0) return;
  ++family.prefixes[range.prefix];
  std::vector<Address> back;
  each_of(left_out_, range, [&](const Address& address) {
    if (ServiceNumbers::range_gives(range, address)) back.push_back(address);
    return true;
  });
  for (const auto& address : back) left_out_.erase(place_of(address));
}

void RangeCover::remove(const Cidr& range) {
  auto& family = families_[range.ipv6 ? 1 : 0];
  const auto found = family.ranges.find({range.prefix, range.base});
  if (found == family.ranges.end() || --found->second != 0) return;
  family.ranges.erase(found);
  if (--family.prefixes[range.prefix] == 0) family.prefixes.erase(range.prefix);
  each_of(given_, range, [&](const Address& address) {
    if (!gives(address)) left_out_.insert(place_of(address));
    return true;
  });
}

void RangeCover::give(const Address& address) {
  if (given_.insert(place_of(address)).second && !gives(address)) left_out_.insert(place_of(address));
}

void RangeCover::take_back(const Address& address) {
  given_.erase(place_of(address));
  left_out_.erase(place_of(address));
}

void RangeCover::give_all(std::span<const Address> addresses) {
  given_.clear();
  left_out_.clear();
  for (const auto& address : addresses) give(address);
}

bool RangeCover::gives(const Address& address) const {
  const auto& family = families_[address.ipv6 ? 1 : 0];
  return std::ranges::any_of(family.prefixes, [&](const auto& prefix) {
    const Cidr around = Cidr::around(address, prefix.first);
    return family.ranges.contains({around.prefix, around.base}) && ServiceNumbers::range_gives(around, address);
  });
}

bool RangeCover::contains(const Cidr& range) const {
  const auto& family = families_[range.ipv6 ? 1 : 0];
  return std::ranges::any_of(family.prefixes, [&](const auto& prefix) {
    if (prefix.first > range.prefix) return false;
    return family.ranges.contains({prefix.first, Cidr::around({range.base, range.ipv6}, prefix.first).base});
  });
}

bool RangeCover::leaves_out(const Cidr& range) const {
  bool found = false;
  each_of(left_out_, range, [&](const Address&) { return !(found = true); });
  return found;
}

}  // namespace gantry::network
