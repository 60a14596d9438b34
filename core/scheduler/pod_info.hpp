// What scheduling needs to know of a pod and of a node, read once from their objects. Value types.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/scheduling/host_ports.hpp"
#include "gantry/scheduling/node_affinity.hpp"
#include "gantry/scheduling/requests.hpp"
#include "gantry/scheduling/tolerations.hpp"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::scheduler {

using sdk::HostPort;
using sdk::HostPorts;
using sdk::Resources;
using sdk::Tolerations;

struct PodInfo {
  std::string ns, name, uid, node;  // node: assigned, else ""
  std::string resource_version;
  Resources requests;  // what the filter counts: containers, init containers, overhead
  Resources scored;    // with defaults for containers that ask for nothing (100m, 200 MiB)
  std::vector<HostPort> ports;
  int64_t generation = 0;  // of the spec
  int32_t priority = 0;
  int64_t created_seconds = 0;
  // Only while it waits: what the filters and scores read.
  Tolerations tolerations;
  std::vector<std::pair<std::string, std::string>> node_selector;
  std::shared_ptr<const corev1::NodeAffinity> affinity;
  // Demands that this scheduler can't meet yet; a pod that has some gets no node: "required pod affinity".
  std::string unsupported;

  std::string key() const { return ns + "/" + name; }
};
using PodPtr = std::shared_ptr<const PodInfo>;

PodPtr read_pod(const corev1::Pod& pod);

struct NodeFacts {
  std::string name;
  Resources allocatable;
  int64_t max_pods = 0;
  bool unschedulable = false;
  std::vector<corev1::Taint> taints;
  std::vector<std::pair<std::string, std::string>> labels;  // sorted
  const std::string* label(std::string_view key) const;
  sdk::NodeView view() const;  // borrows
  bool same_for_scheduling(const NodeFacts& other) const;
};
NodeFacts read_node(const corev1::Node& node);

}  // namespace gantry::scheduler
