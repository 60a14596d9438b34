// Made-up addresses: a range a node out of the configured one, and in it an address a pod.
//
// [any-thread]
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::sim {

class Addresses {
 public:
  // Room for `pods` on each of `nodes`; an error when the range is too small or no IPv4 range.
  static Expected<Addresses> plan(std::string_view cidr, int64_t nodes, int64_t pods);
  Addresses() = default;
  Addresses(Addresses&& other) noexcept;
  Addresses& operator=(Addresses&& other) noexcept;

  std::string node_cidr(int64_t node) const;      // "100.64.3.0/24"
  static std::string node_address(int64_t node);  // of the node itself, in 198.18.0.0/15 (for benchmarks, RFC 2544)
  // A free address of the node's range; one that is in use when all are, for pods that ended keep theirs.
  std::string take(int64_t node);
  // What a pod already has; others are not the node's, and ignored.
  void reserve(int64_t node, std::string_view address);
  void give_back(int64_t node, std::string_view address);

 private:
  struct Node {
    std::vector<bool> used;
    uint32_t next = 0;
  };
  // Where an address lies in its node's range; -1: outside.
  int64_t slot(int64_t node, std::string_view address) const;

  uint32_t base_ = 0;
  int prefix_ = 24;  // of a node's range
  std::mutex mutex_;
  std::vector<Node> nodes_;
};

}  // namespace gantry::sim
