// NodeAffinity: spec.nodeSelector, and what spec.affinity.nodeAffinity requires.
#include "core/scheduler/filter.hpp"

namespace gantry::scheduler::filters::node_affinity {
namespace {

struct Wanted : Notes {
  std::shared_ptr<const NodeChoice> nodes;
};

bool concerns(const WaitingPod&, const corev1::PodSpec& spec, std::unique_ptr<const Notes>& notes) {
  auto nodes = read_node_choice(spec);
  if (nodes == nullptr) return false;
  auto wanted = std::make_unique<Wanted>();
  wanted->nodes = std::move(nodes);
  notes = std::move(wanted);
  return true;
}

Verdict check(const WaitingPod&, const Notes* notes, const NodeState& node, Reasons& reasons) {
  if (static_cast<const Wanted&>(*notes).nodes->matches(node.facts)) return Verdict::kFits;
  reasons.add("node(s) didn't match Pod's node affinity/selector");
  return Verdict::kUnresolvable;
}

}  // namespace

Filter filter() {
  return {.name = "NodeAffinity", .helped_by = Changes::kLabels, .concerns = concerns, .check = check};
}

}  // namespace gantry::scheduler::filters::node_affinity
