// PodTopologySpread: spec.topologySpreadConstraints with DoNotSchedule: no place may have more pods than the one that
// has least, by more than maxSkew.
#include "core/scheduler/filter.hpp"
#include "core/scheduler/spread.hpp"

namespace gantry::scheduler::filters::pod_topology_spread {
namespace {

struct Hard : Notes {
  std::vector<SpreadConstraint> constraints;
};

struct Counted : Notes {
  struct One {
    const SpreadConstraint* constraint;
    const Tally* tally;
  };
  std::vector<One> all;
};

bool concerns(const WaitingPod& pod, const corev1::PodSpec& spec, std::unique_ptr<const Notes>& notes) {
  auto hard = std::make_unique<Hard>();
  hard->constraints = read_spread(pod, spec, "DoNotSchedule");
  if (hard->constraints.empty()) return false;
  notes = std::move(hard);
  return true;
}

bool prepare(const WaitingPod&, const Notes* notes, Tallies& tallies, std::unique_ptr<const Notes>& state) {
  auto counted = std::make_unique<Counted>();
  for (const auto& one : static_cast<const Hard&>(*notes).constraints)
    counted->all.push_back({&one, &tallies.tally(one.count)});
  state = std::move(counted);
  return true;
}

void topics(const Notes* state, std::vector<uint64_t>& out) {
  for (const auto& one : static_cast<const Counted&>(*state).all) out.push_back(one.tally->group->topic);
}

Verdict check(const WaitingPod&, const Notes* state, const NodeState& node, Reasons& reasons) {
  for (const auto& [constraint, tally] : static_cast<const Counted&>(*state).all) {
    const int64_t here = tally->at(node);
    if (here < 0) {
      reasons.add("node(s) didn't match pod topology spread constraints (missing required label)");
      return Verdict::kUnresolvable;
    }
    const bool too_few = tally->domain_count < static_cast<size_t>(constraint->min_domains);
    const int64_t least = too_few ? 0 : tally->least();
    if (here + (constraint->self ? 1 : 0) - least <= constraint->max_skew) continue;
    reasons.add("node(s) didn't match pod topology spread constraints");
    return Verdict::kUnschedulable;
  }
  return Verdict::kFits;
}

}  // namespace

Filter filter() {
  return {.name = "PodTopologySpread",
          .helped_by = Changes::kLabels | Changes::kTaints | Changes::kNodeGone,
          .concerns = concerns,
          .prepare = prepare,
          .topics = topics,
          .check = check};
}

}  // namespace gantry::scheduler::filters::pod_topology_spread
