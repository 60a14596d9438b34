// NodeResourcesFit: what the pod requests is left on the node, as is a place for one pod more.
#include "core/scheduler/filter.hpp"

namespace gantry::scheduler::filters::node_resources_fit {
namespace {

// One resource: how much is wanted, what the node has in all, and what is taken of it.
bool fits(int64_t wanted, int64_t all, int64_t taken) { return wanted <= 0 || wanted <= all - taken; }

Verdict check(const WaitingPod& pod, const Notes*, const NodeState& node, Reasons& reasons) {
  Verdict verdict = Verdict::kFits;
  const auto refuse = [&](std::string_view reason, bool ever) {
    reasons.add(reason);
    if (verdict != Verdict::kUnresolvable) verdict = ever ? Verdict::kUnschedulable : Verdict::kUnresolvable;
  };
  const auto& all = node.facts.allocatable;
  const auto& taken = node.requested;
  const auto& wanted = pod.requests;
  if (node.pods + 1 > node.facts.max_pods) refuse("Too many pods", node.facts.max_pods > 0);
  if (!fits(wanted.milli_cpu, all.milli_cpu, taken.milli_cpu))
    refuse("Insufficient cpu", wanted.milli_cpu <= all.milli_cpu);
  if (!fits(wanted.memory, all.memory, taken.memory)) refuse("Insufficient memory", wanted.memory <= all.memory);
  if (!fits(wanted.storage, all.storage, taken.storage))
    refuse("Insufficient ephemeral-storage", wanted.storage <= all.storage);
  for (const auto& [name, amount] : wanted.others) {
    if (!fits(amount, all.other(name), taken.other(name))) refuse("Insufficient " + name, amount <= all.other(name));
  }
  return verdict;
}

}  // namespace

Filter filter() {
  return {.name = "NodeResourcesFit", .helped_by = Changes::kPodGone | Changes::kAllocatable, .check = check};
}

}  // namespace gantry::scheduler::filters::node_resources_fit
