// The Node objects and their Leases: made once, kept true, told to be alive in batches that are spread over the
// heartbeat.
//
// Nodes of the API that were deleted while this runs stay away until somebody makes them again: a kubelet does not
// register twice either. [worker] unless it says otherwise.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "addresses.hpp"
#include "gantry/host.hpp"
#include "k8s.io/api/coordination/v1/lease.pb.h"
#include "k8s.io/api/core/v1/node.pb.h"
#include "settings.hpp"

namespace gantry::sim {

class Nodes {
 public:
  Nodes(sdk::Host host, const Settings& settings, const Addresses& addresses);

  // Which of our nodes this name is; -1: none. [any-thread]
  int64_t index(std::string_view name) const;
  std::string name(int64_t node) const;
  int64_t batches() const { return batches_; }
  // Whether the node's kubelet acts: its Node exists, as far as is known, and is not annotated as down. [any-thread]
  bool works(int64_t node) const;

  // Makes what is missing of a batch, then renews its Leases; answers when to come again, in ms (0: not).
  Expected<int64_t> tend(int64_t batch);
  // The Node changed, appeared or went. `revived`: its pods must be looked at again.
  Status see(int64_t node, bool& revived);

 private:
  enum : uint8_t { kKnown = 1, kIdle = 2 };
  corev1::Node wanted(int64_t node) const;
  void set_status(int64_t node, corev1::NodeStatus& status) const;
  coordinationv1::Lease lease(int64_t node, const std::string& uid) const;
  Status create_nodes(const std::vector<int64_t>& missing, std::vector<sdk::ApiRequest>& leases) const;
  Status renew(const std::vector<int64_t>& nodes, std::vector<sdk::ApiRequest>& missing) const;
  Status create_leases(const std::vector<sdk::ApiRequest>& leases) const;

  const sdk::Host host_;
  const Settings& settings_;
  const Addresses& addresses_;
  const int64_t batches_;
  mutable std::mutex mutex_;
  std::vector<uint8_t> states_;  // of each node, flags
  std::vector<bool> begun_;      // of each batch
};

}  // namespace gantry::sim
