// InterPodAffinity: pods nearby that the pod would like near or far, and pods nearby that would like it near or far.
#include "core/scheduler/pod_terms.hpp"
#include "core/scheduler/score.hpp"
#include "core/scheduler/tallies.hpp"

namespace gantry::scheduler::scores::inter_pod_affinity {
namespace {

struct Wishes : Notes {
  struct One {
    Count count;
    int64_t weight;
  };
  std::vector<One> all;
};

struct Counted : Notes {
  std::vector<std::pair<const Tally*, int64_t>> mine;
  std::vector<const HeldTerm*> of_others;
};

void read_wishes(const google::protobuf::RepeatedPtrField<corev1::WeightedPodAffinityTerm>& wishes,
                 const std::string& ns, int64_t sign, Wishes& out) {
  for (const auto& wish : wishes) {
    auto& one = out.all.emplace_back();
    one.weight = sign * wish.weight();
    one.count.by = wish.pod_affinity_term().topology_key();
    one.count.who.all = {read_selection(wish.pod_affinity_term(), ns)};
    one.count.finish();
  }
}

bool concerns(const WaitingPod& pod, const corev1::PodSpec& spec, std::unique_ptr<const Notes>& notes) {
  if (!spec.has_affinity()) return true;  // for what others would like
  auto wishes = std::make_unique<Wishes>();
  const auto& affinity = spec.affinity();
  read_wishes(affinity.pod_affinity().preferred_during_scheduling_ignored_during_execution(), pod.ns, 1, *wishes);
  read_wishes(affinity.pod_anti_affinity().preferred_during_scheduling_ignored_during_execution(), pod.ns, -1, *wishes);
  if (!wishes->all.empty()) notes = std::move(wishes);
  return true;
}

bool prepare(const WaitingPod& pod, const Notes* notes, Tallies& tallies, const std::vector<const NodeState*>&,
             std::unique_ptr<const Notes>& state) {
  if (notes == nullptr && !tallies.any_held()) return false;
  auto counted = std::make_unique<Counted>();
  if (notes != nullptr) {
    for (const auto& wish : static_cast<const Wishes&>(*notes).all)
      counted->mine.emplace_back(&tallies.tally(wish.count), wish.weight);
  }
  for (const HeldTerm* term : tallies.held_about(pod)) {
    if (term->weight != 0) counted->of_others.push_back(term);
  }
  if (counted->mine.empty() && counted->of_others.empty()) return false;
  state = std::move(counted);
  return true;
}

int64_t rate(const WaitingPod&, const Notes* state, const NodeState& node) {
  const auto& counted = static_cast<const Counted&>(*state);
  int64_t sum = 0;
  for (const auto& [tally, weight] : counted.mine) {
    const int32_t here = tally->at(node);
    if (here > 0) sum += here * weight;
  }
  for (const HeldTerm* term : counted.of_others) sum += term->at(node) * term->weight;
  return sum;
}

}  // namespace

Score score() {
  return {.name = "InterPodAffinity",
          .weight = 2,
          .scale = Scale::kBetween,
          .concerns = concerns,
          .prepare = prepare,
          .rate = rate};
}

}  // namespace gantry::scheduler::scores::inter_pod_affinity
