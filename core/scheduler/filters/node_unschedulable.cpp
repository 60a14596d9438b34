// NodeUnschedulable: a node that is cordoned takes pods only that tolerate it.
#include "core/scheduler/filter.hpp"

namespace gantry::scheduler::filters::node_unschedulable {
namespace {

bool concerns(const WaitingPod& pod, const corev1::PodSpec&, std::unique_ptr<const Notes>&) {
  return !pod.tolerations.tolerate(sdk::unschedulable_taint());
}

Verdict check(const WaitingPod&, const Notes*, const NodeState& node, Reasons& reasons) {
  if (!node.facts.unschedulable) return Verdict::kFits;
  reasons.add("node(s) were unschedulable");
  return Verdict::kUnresolvable;
}

}  // namespace

Filter filter() {
  return {.name = "NodeUnschedulable", .helped_by = Changes::kTaints, .concerns = concerns, .check = check};
}

}  // namespace gantry::scheduler::filters::node_unschedulable
