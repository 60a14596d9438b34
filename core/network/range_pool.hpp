// Which parts of a cluster's range belong to nodes. Not thread-safe.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/network/cidr.hpp"

namespace gantry::network {

class RangePool {
 public:
  // As many ranges are given out at most; upstream has the same bound for IPv6.
  static constexpr int kMostBits = 16;

  // Nodes get ranges with `node_prefix` bits; at least the cluster's, and so many that an IPv4 range has room for a
  // gateway and a pod.
  RangePool(Cidr cluster, int node_prefix);
  const Cidr& cluster() const { return cluster_; }
  // A range of any size, also one that is not from here: its part of the cluster's range is not given out until it was
  // given back as often as it was taken.
  void take(const Cidr& range) { count(range, 1); }
  void give_back(const Cidr& range) { count(range, -1); }
  // The lowest free range; Unavailable when there is none.
  Expected<Cidr> next();

 private:
  void count(const Cidr& range, int by);
  // The slots that a range touches, [first, last).
  std::pair<size_t, size_t> slots(const Cidr& range) const;

  const Cidr cluster_;
  const int node_prefix_;
  std::vector<uint32_t> taken_;  // how many nodes have each slot
  size_t lowest_ = 0;            // nothing below it is free
};

}  // namespace gantry::network
