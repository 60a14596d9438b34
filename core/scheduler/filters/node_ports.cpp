// NodePorts: a port of the node's addresses goes to one pod.
#include <algorithm>

#include "core/scheduler/filter.hpp"

namespace gantry::scheduler::filters::node_ports {
namespace {

bool concerns(const WaitingPod& pod, const corev1::PodSpec&, std::unique_ptr<const Notes>&) {
  return !pod.ports.empty();
}

Verdict check(const WaitingPod& pod, const Notes*, const NodeState& node, Reasons& reasons) {
  if (std::none_of(pod.ports.begin(), pod.ports.end(),
                   [&](const HostPort& wanted) { return node.ports.clashes(wanted); }))
    return Verdict::kFits;
  reasons.add("node(s) didn't have free ports for the requested pod ports");
  return Verdict::kUnschedulable;
}

}  // namespace

Filter filter() { return {.name = "NodePorts", .helped_by = Changes::kPodGone, .concerns = concerns, .check = check}; }

}  // namespace gantry::scheduler::filters::node_ports
