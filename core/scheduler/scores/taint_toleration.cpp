// TaintToleration: fewer taints with the effect PreferNoSchedule that the pod does not tolerate are better.
#include <algorithm>

#include "core/scheduler/score.hpp"

namespace gantry::scheduler::scores::taint_toleration {
namespace {

int64_t rate(const WaitingPod& pod, const Notes*, const NodeState& node) {
  return std::count_if(node.facts.taints.begin(), node.facts.taints.end(), [&](const corev1::Taint& taint) {
    return taint.effect() == "PreferNoSchedule" && !pod.tolerations.tolerate(taint);
  });
}

}  // namespace

Score score() { return {.name = "TaintToleration", .weight = 3, .scale = Scale::kReversed, .rate = rate}; }

}  // namespace gantry::scheduler::scores::taint_toleration
