#include "core/network/range_pool.hpp"

#include <algorithm>

namespace gantry::network {

RangePool::RangePool(Cidr cluster, int node_prefix)
    : cluster_(cluster),
      node_prefix_(std::clamp(node_prefix, cluster.prefix, std::max(cluster.prefix, cluster.bits() - 2))),
      taken_(size_t{1} << std::min(node_prefix_ - cluster.prefix, kMostBits)) {}

std::pair<size_t, size_t> RangePool::slots(const Cidr& range) const {
  if (!cluster_.overlaps(range)) return {0, 0};
  if (range.prefix <= cluster_.prefix) return {0, taken_.size()};
  const int shift = cluster_.bits() - node_prefix_;
  const AddressBits first = (range.base - cluster_.base) >> shift;
  if (first >= taken_.size()) return {0, 0};
  const int wider = std::max(0, node_prefix_ - range.prefix);
  const AddressBits last = first + (AddressBits{1} << wider);
  return {static_cast<size_t>(first), static_cast<size_t>(std::min<AddressBits>(last, taken_.size()))};
}

void RangePool::count(const Cidr& range, int by) {
  const auto [first, last] = slots(range);
  for (size_t i = first; i < last; ++i) {
    if (by < 0 && taken_[i] == 0) continue;
    taken_[i] += static_cast<uint32_t>(by);
    if (taken_[i] == 0) lowest_ = std::min(lowest_, i);
  }
}

Expected<Cidr> RangePool::next() {
  while (lowest_ < taken_.size() && taken_[lowest_] != 0) ++lowest_;
  if (lowest_ == taken_.size()) {
    return Status::unavailable("every /" + std::to_string(node_prefix_) + " of " + cluster_.text() +
                               " belongs to a node");
  }
  return Cidr{cluster_.base + (AddressBits{lowest_} << (cluster_.bits() - node_prefix_)), node_prefix_, cluster_.ipv6};
}

}  // namespace gantry::network
