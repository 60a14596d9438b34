// TaintToleration: taints with the effects NoSchedule and NoExecute keep pods away that don't tolerate them.
#include "core/scheduler/filter.hpp"

namespace gantry::scheduler::filters::taint_toleration {
namespace {

Verdict check(const WaitingPod& pod, const Notes*, const NodeState& node, Reasons& reasons) {
  if (sdk::untolerated(node.facts.taints, pod.tolerations) == nullptr) return Verdict::kFits;
  reasons.add("node(s) had untolerated taint(s)");
  return Verdict::kUnresolvable;
}

}  // namespace

Filter filter() { return {.name = "TaintToleration", .helped_by = Changes::kTaints, .check = check}; }

}  // namespace gantry::scheduler::filters::taint_toleration
