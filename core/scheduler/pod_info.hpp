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
#include "core/scheduler/matcher.hpp"
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

// What a pod says about other pods, for as long as it is on a node.
struct PodTerm {
  Matcher who;
  std::string by;        // topology key
  bool forbids = false;  // required anti-affinity
  int64_t weight = 0;    // of a wish; negative: to stay away
  std::string text;      // the same for equal ones
};

// What others count of a pod that is on a node.
struct PodInfo {
  std::string uid, ns, name;
  sdk::LabelMap labels;
  std::string owner;  // uid of the ReplicaSet, StatefulSet or ReplicationController that controls it
  bool terminating = false;
  bool preempted = false;  // for a pod of more priority
  int32_t priority = 0;
  int64_t started_seconds = 0;  // 0: not yet
  std::vector<PodTerm> terms;
  Resources requests;  // what the filter counts: containers, init containers, overhead
  Resources scored;    // with defaults for containers that ask for nothing (100m, 200 MiB)
  std::vector<HostPort> ports;
};
using PodPtr = std::shared_ptr<const PodInfo>;
// Whether nothing that others count has changed.
bool counts_the_same(const PodInfo& a, const PodInfo& b);

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
  std::string resource_version;
  int64_t generation = 0;  // of the spec
  int64_t created_seconds = 0;
  std::string nominated;  // the node on which room is being made for it
  bool may_preempt = true;
  Tolerations tolerations;
  std::optional<std::vector<std::string>> nodes;  // the only ones that it can go to, where it names them
  std::vector<Asked<Filter>> filters;             // in the order in which they are asked
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

// Which nodes a pod may go to by spec.nodeSelector and what spec.affinity.nodeAffinity requires.
struct NodeChoice {
  std::vector<std::pair<std::string, std::string>> labels;
  std::optional<corev1::NodeSelector> required;
  bool matches(const NodeFacts& node) const;
};
// Null: any.
std::shared_ptr<const NodeChoice> read_node_choice(const corev1::PodSpec& spec);

}  // namespace gantry::scheduler
