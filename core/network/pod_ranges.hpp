// Gives every Node its ranges of pod addresses (spec.podCIDRs), one out of each of the cluster's ranges.
//
// Runs in the server role. A node keeps its ranges for as long as it exists; they are free again when it is gone. Where
// a cluster's range is used up, the node waits for one to come free: one Event and the condition NetworkUnavailable say
// so. Writes that fail are tried again, ever later. Works on the thread that it
// is given, and on the timers'.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/client/client.hpp"
#include "core/network/cidr.hpp"

namespace gantry::network {

struct PodRangesOptions {
  client::Client* client = nullptr;
  std::vector<Cidr> cluster;  // at most one of each family, in the order that nodes have them
  int node_prefix_ipv4 = 24, node_prefix_ipv6 = 64;
  std::function<int64_t()> now_unix_ns;
  std::function<void(int64_t delay_ms, std::function<void()> fn)> schedule;
  // Reads what the client tells, on a thread of the caller's (client::ReflectorOptions::run). Null: on the client's.
  std::function<void(std::function<void()> fn)> run = nullptr;
  // Writes an Event; `regarding` is a serialized ObjectReference.
  std::function<void(std::string_view regarding, std::string_view type, std::string_view reason,
                     std::string_view message)>
      record_event;
  std::function<void(int32_t level, std::string_view text)> log;
  // Of what goes wrong again and again, by a topic of limits::Notices.
  std::function<void(std::string_view topic, std::string_view text)> trouble;
};

class PodRanges {
 public:
  explicit PodRanges(PodRangesOptions options);
  ~PodRanges();  // stops
  PodRanges(const PodRanges&) = delete;
  PodRanges& operator=(const PodRanges&) = delete;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// The first range of 10.42.0.0/16, 10.44.0.0/16, ... 10.127.0.0/16 (10.43 is the Services') that no route of this host
// touches.
Cidr free_cluster_range();

}  // namespace gantry::network
