// NodeResourcesFit: what the pod requests is left on the node, as is a place for one pod more.
#include <algorithm>

#include "core/scheduler/filter.hpp"

namespace gantry::scheduler::filters::node_resources_fit {
namespace {

// One resource: how much is wanted, what the node has in all, and what is taken of it.
Verdict fits(int64_t wanted, int64_t all, int64_t taken) {
  if (wanted <= 0 || wanted <= all - taken) return Verdict::kFits;
  return wanted > all ? Verdict::kUnresolvable : Verdict::kUnschedulable;
}

Verdict check(const WaitingPod& pod, const Notes*, const NodeState& node, Reasons& reasons) {
  Verdict verdict = Verdict::kFits;
  const auto note = [&](Verdict one, std::string_view reason) {
    if (one != Verdict::kFits) reasons.add(reason);
    verdict = std::max(verdict, one);
  };
  const auto& all = node.facts.allocatable;
  const auto& taken = node.requested;
  const auto& wanted = pod.requests;
  if (node.pods + 1 > node.facts.max_pods) note(Verdict::kUnschedulable, "Too many pods");
  note(fits(wanted.milli_cpu, all.milli_cpu, taken.milli_cpu), "Insufficient cpu");
  note(fits(wanted.memory, all.memory, taken.memory), "Insufficient memory");
  note(fits(wanted.storage, all.storage, taken.storage), "Insufficient ephemeral-storage");
  for (const auto& [name, amount] : wanted.others) {
    const Verdict one = fits(amount, all.other(name), taken.other(name));
    if (one != Verdict::kFits) note(one, "Insufficient " + name);
  }
  return verdict;
}

}  // namespace

Filter filter() {
  return {.name = "NodeResourcesFit", .helped_by = Changes::kPodGone | Changes::kAllocatable, .check = check};
}

}  // namespace gantry::scheduler::filters::node_resources_fit
