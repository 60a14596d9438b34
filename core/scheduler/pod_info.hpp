// What scheduling needs to know of a pod and of a node, read once from their objects. Value types.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/scheduler/host_ports.hpp"
#include "core/scheduler/tolerations.hpp"
#include "k8s.io/api/core/v1/affinity.pb.h"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::scheduler {

// Amounts: CPU in thousandths, the others in units. Resources beyond the common three by name.
struct Resources {
  int64_t milli_cpu = 0;
  int64_t memory = 0;
  int64_t storage = 0;  // ephemeral-storage
  std::map<std::string, int64_t, std::less<>> others;

  int64_t other(std::string_view name) const;
  void add(const Resources& more, int64_t factor = 1);  // what comes to nothing is left out
  void raise_to(const Resources& least);                // element-wise maximum
};
Resources resources_of(
    const google::protobuf::Map<std::string, k8s::io::apimachinery::pkg::api::resource::Quantity>& list);

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
  bool same_for_scheduling(const NodeFacts& other) const;
};
NodeFacts read_node(const corev1::Node& node);

}  // namespace gantry::scheduler
