// Gives every Node its range of pod addresses (spec.podCIDR), out of the cluster's range.
//
// Runs in the server role. A node keeps its range for as long as it exists; a range is free again when its node is
// gone. Callbacks come on the client's threads, one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "core/client/client.hpp"
#include "core/client/reflector.hpp"

namespace gantry::network {

// IPv4, host byte order.
struct Cidr {
  uint32_t base = 0;
  int prefix = 0;
  static Expected<Cidr> parse(std::string_view text);
  std::string text() const;
  bool overlaps(const Cidr& other) const;
};

// Which parts of a cluster range are taken. Not thread-safe.
class RangePool {
 public:
  // Nodes get ranges with `node_prefix` bits, 24 where the cluster's range is larger than that.
  RangePool(Cidr cluster, int node_prefix);
  void take(const Cidr& range);
  void give_back(const Cidr& range);
  // The lowest free range; Unavailable when there is none.
  Expected<Cidr> next();

 private:
  const Cidr cluster_;
  const int node_prefix_;
  std::set<uint32_t> taken_;  // by base
};

class PodRanges {
 public:
  PodRanges(client::Client& client, Cidr cluster, std::function<void(int64_t, std::function<void()>)> schedule,
            std::function<void(int32_t level, std::string_view text)> log);
  ~PodRanges();  // stops
  PodRanges(const PodRanges&) = delete;
  PodRanges& operator=(const PodRanges&) = delete;

 private:
  void see(std::string_view bytes, bool deleted);
  void assign(const std::string& node);

  client::Client& client_;
  const std::function<void(int32_t, std::string_view)> log_;
  std::mutex mutex_;
  RangePool pool_;
  std::map<std::string, Cidr> by_node_;
  std::unique_ptr<client::Reflector> nodes_;
};

// The first range of 10.42.0.0/16, 10.43.0.0/16, ... 10.127.0.0/16 (without 10.43, the Services') that no route of this
// host touches.
Cidr free_cluster_range();

}  // namespace gantry::network
