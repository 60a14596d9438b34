// Ports of a node's addresses that pods want and have. Value types, any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "k8s.io/api/core/v1/pod_spec.pb.h"

namespace gantry::sdk {

struct HostPort {
  std::string ip;  // "0.0.0.0" for any
  std::string protocol;
  int32_t port = 0;
};

// Those of its containers and sidecars.
std::vector<HostPort> host_ports_of(const corev1::PodSpec& spec);

// The ports that a node's pods have taken; two pods may have the same when they were put there by name.
class HostPorts {
 public:
  void add(const HostPort& port);
  void remove(const HostPort& port);
  bool clashes(const HostPort& wanted) const;

 private:
  using Addresses = std::unordered_map<std::string, size_t>;  // pods that have it
  std::map<std::pair<int32_t, std::string>, Addresses> taken_;
};

}  // namespace gantry::sdk
