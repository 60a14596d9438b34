// Ports of a node's addresses, and who has them. Value type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

namespace gantry::scheduler {

struct HostPort {
  std::string ip;  // "0.0.0.0" for any
  std::string protocol;
  int32_t port = 0;
};

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

}  // namespace gantry::scheduler
