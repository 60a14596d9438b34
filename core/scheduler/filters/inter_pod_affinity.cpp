// InterPodAffinity: pods that the pod requires near it, or far from it, and pods on nodes that require it to be far.
#include <algorithm>

#include "core/scheduler/filter.hpp"
#include "core/scheduler/pod_terms.hpp"
#include "core/scheduler/tallies.hpp"

namespace gantry::scheduler::filters::inter_pod_affinity {
namespace {

struct Wanted : Notes {
  std::vector<Count> near, far;
  Matcher all_near;
};

struct Counted : Notes {
  std::vector<const Tally*> near, far;
  std::vector<const HeldTerm*> against;
  const Wanted* wanted = nullptr;
  bool first = false;  // nobody is there yet to be near to, and it is one of those whom it wants
};

void read_terms_of(const google::protobuf::RepeatedPtrField<corev1::PodAffinityTerm>& terms, const std::string& ns,
                   std::vector<Count>& out) {
  for (const auto& term : terms) {
    out.emplace_back().by = term.topology_key();
    out.back().who.all = {read_selection(term, ns)};
  }
}

bool concerns(const WaitingPod& pod, const corev1::PodSpec& spec, std::unique_ptr<const Notes>& notes) {
  if (!spec.has_affinity()) return true;  // for what others hold against it
  auto wanted = std::make_unique<Wanted>();
  const auto& affinity = spec.affinity();
  read_terms_of(affinity.pod_affinity().required_during_scheduling_ignored_during_execution(), pod.ns, wanted->near);
  read_terms_of(affinity.pod_anti_affinity().required_during_scheduling_ignored_during_execution(), pod.ns,
                wanted->far);
  // A pod is near only if all the terms are about it.
  for (const Count& one : wanted->near) wanted->all_near.all.push_back(one.who.all.front());
  for (Count& one : wanted->near) {
    one.who = wanted->all_near;
    one.finish();
  }
  for (Count& one : wanted->far) one.finish();
  if (!wanted->near.empty() || !wanted->far.empty()) notes = std::move(wanted);
  return true;
}

bool prepare(const WaitingPod& pod, const Notes* notes, Tallies& tallies, std::unique_ptr<const Notes>& state) {
  if (notes == nullptr && !tallies.any_held()) return false;
  auto counted = std::make_unique<Counted>();
  if (notes != nullptr) {
    counted->wanted = &static_cast<const Wanted&>(*notes);
    for (const Count& one : counted->wanted->near) counted->near.push_back(&tallies.tally(one));
    for (const Count& one : counted->wanted->far) counted->far.push_back(&tallies.tally(one));
    counted->first = counted->wanted->all_near.matches(pod, tallies.namespaces());
  }
  for (const HeldTerm* term : tallies.held_about(pod)) {
    if (term->forbids) counted->against.push_back(term);
  }
  if (notes == nullptr && counted->against.empty()) return false;
  state = std::move(counted);
  return true;
}

void topics(const Notes* state, std::vector<uint64_t>& out) {
  const auto& counted = static_cast<const Counted&>(*state);
  for (const auto* tallies : {&counted.near, &counted.far}) {
    for (const Tally* tally : *tallies) out.push_back(tally->group->topic);
  }
  for (const HeldTerm* term : counted.against) out.push_back(term->topic);
}

bool is_near(const Counted& counted, const NodeState& node) {
  bool all = true;
  for (const Tally* tally : counted.near) {
    const int32_t here = tally->at(node);
    if (here < 0) return false;
    all = all && here > 0;
  }
  if (all) return true;
  return counted.first &&
         std::all_of(counted.near.begin(), counted.near.end(), [](const Tally* tally) { return tally->total == 0; });
}

Verdict check(const WaitingPod&, const Notes* state, const NodeState& node, Reasons& reasons) {
  const auto& counted = static_cast<const Counted&>(*state);
  if (!is_near(counted, node)) {
    reasons.add("node(s) didn't match pod affinity rules");
    return Verdict::kUnresolvable;
  }
  const auto taken = [&](const auto* some) { return some->at(node) > 0; };
  if (std::any_of(counted.far.begin(), counted.far.end(), taken)) {
    reasons.add("node(s) didn't match pod anti-affinity rules");
    return Verdict::kUnschedulable;
  }
  if (std::any_of(counted.against.begin(), counted.against.end(), taken)) {
    reasons.add("node(s) didn't satisfy existing pods anti-affinity rules");
    return Verdict::kUnschedulable;
  }
  return Verdict::kFits;
}

}  // namespace

Filter filter() {
  return {.name = "InterPodAffinity",
          .helped_by = Changes::kLabels,
          .concerns = concerns,
          .prepare = prepare,
          .topics = topics,
          .check = check};
}

}  // namespace gantry::scheduler::filters::inter_pod_affinity
