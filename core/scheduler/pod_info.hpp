// What scheduling needs to know of a pod and of a node, read once from their objects. Value types.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/scheduler/changes.hpp"
#include "gantry/scheduling/host_ports.hpp"
#include "gantry/scheduling/node_affinity.hpp"
#include "gantry/scheduling/requests.hpp"
#include "gantry/scheduling/tolerations.hpp"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::scheduler {

struct Filter;
struct Score;

using sdk::HostPort;
using sdk::HostPorts;
using sdk::Resources;
using sdk::Tolerations;

// What a node counts of the pods that are on it.
struct PodInfo {
  std::string uid;
  Resources requests;  // what the filter counts: containers, init containers, overhead
  Resources scored;    // with defaults for containers that ask for nothing (100m, 200 MiB)
  std::vector<HostPort> ports;
};
using PodPtr = std::shared_ptr<const PodInfo>;

// What a filter or a score works out of a pod before it looks at nodes; each has a type of its own.
struct Notes {
  virtual ~Notes() = default;
};

// A filter or a score that has something to say of the pod.
template <typename Entry>
struct Asked {
  const Entry* entry;
  std::unique_ptr<const Notes> notes;  // null: it needs none
};

// A pod that has no node yet.
struct WaitingPod : PodInfo {
  std::string ns, name;
  std::string resource_version;
  int64_t generation = 0;  // of the spec
  int32_t priority = 0;
  int64_t created_seconds = 0;
  Tolerations tolerations;
  std::optional<std::vector<std::string>> nodes;  // the only ones that it can go to, where it names them
  // Demands that this scheduler can't meet yet; a pod that has some gets no node: "required pod affinity".
  std::string unsupported;
  std::vector<Asked<Filter>> filters;  // in the order in which they are asked
  std::vector<Asked<Score>> scores;

  std::string key() const { return ns + "/" + name; }
};
using WaitingPtr = std::shared_ptr<const WaitingPod>;

PodPtr read_pod(const corev1::Pod& pod);
WaitingPtr read_waiting_pod(const corev1::Pod& pod);

struct NodeFacts {
  std::string name;
  Resources allocatable;
  int64_t max_pods = 0;
  bool unschedulable = false;
  std::vector<corev1::Taint> taints;
  std::vector<std::pair<std::string, std::string>> labels;  // sorted
  const std::string* label(std::string_view key) const;
  sdk::NodeView view() const;  // borrows
  Changes since(const NodeFacts& before) const;
};
NodeFacts read_node(const corev1::Node& node);

}  // namespace gantry::scheduler
