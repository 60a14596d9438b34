// What this machine has, and how it is doing: from /proc, /sys and the file system. Stateless, reads small files.
// [any-thread]
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/node/node_agent.hpp"
#include "k8s.io/api/core/v1/node_status.pb.h"

namespace gantry::node {

// From /proc and the file system that holds the pods: cpu, memory, ephemeral-storage, pods, hugepages.
struct Capacity {
  int64_t cpu = 1, memory = 0, ephemeral_storage = 0, pods = 110;
  std::vector<std::pair<std::string, int64_t>> hugepages;  // "hugepages-2Mi", bytes
};
Capacity machine_capacity(const NodeOptions& options);

// What pods may use of it: memory and storage less what the kubelet keeps free before it would evict.
Capacity allocatable(const Capacity& capacity);

struct Pressure {
  bool memory = false, disk = false, pids = false;
};
Pressure machine_pressure(const NodeOptions& options);

// nodeInfo but for what depends on the runtime.
corev1::NodeSystemInfo machine_info(const NodeOptions& options);

// "amd64", "arm64": Go's names.
std::string machine_architecture();

}  // namespace gantry::node
