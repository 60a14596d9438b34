// NodeAffinity: the weights of the terms of spec.affinity.nodeAffinity that are preferred, and match.
#include "core/scheduler/score.hpp"

namespace gantry::scheduler::scores::node_affinity {
namespace {

struct Preferred : Notes {
  corev1::NodeAffinity affinity;
};

bool concerns(const WaitingPod&, const corev1::PodSpec& spec, std::unique_ptr<const Notes>& notes) {
  const auto& terms = spec.affinity().node_affinity().preferred_during_scheduling_ignored_during_execution();
  if (terms.empty()) return false;
  auto preferred = std::make_unique<Preferred>();
  *preferred->affinity.mutable_preferred_during_scheduling_ignored_during_execution() = terms;
  notes = std::move(preferred);
  return true;
}

int64_t rate(const WaitingPod&, const Notes* notes, const NodeState& node) {
  return sdk::preferred_weight(static_cast<const Preferred&>(*notes).affinity, node.facts.view());
}

}  // namespace

Score score() {
  return {.name = "NodeAffinity", .weight = 2, .scale = Scale::kShareOfLargest, .concerns = concerns, .rate = rate};
}

}  // namespace gantry::scheduler::scores::node_affinity
