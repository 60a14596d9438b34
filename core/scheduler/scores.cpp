// The scores. A score is one file of scores/, and its line here; their order is of no account.
#include <algorithm>
#include <cstdint>

#include "core/scheduler/score.hpp"

#define GANTRY_SCORES(score)                                                                                       \
  score(taint_toleration) score(node_affinity) score(node_resources_fit) score(node_resources_balanced_allocation) \
      score(pod_topology_spread) score(inter_pod_affinity)

namespace gantry::scheduler {

#define GANTRY_DECLARE(name) \
  namespace scores::name {   \
  Score score();             \
  }
GANTRY_SCORES(GANTRY_DECLARE)
#undef GANTRY_DECLARE

std::span<const Score> all_scores() {
#define GANTRY_ROW(name) scores::name::score(),
  static const Score all[] = {GANTRY_SCORES(GANTRY_ROW)};
#undef GANTRY_ROW
  return all;
}

#undef GANTRY_SCORES

namespace {

int64_t scaled(Scale scale, int64_t rate, int64_t least, int64_t most) {
  switch (scale) {
    case Scale::kAsIs:
      return rate;
    case Scale::kShareOfLargest:
      return most <= 0 ? 0 : rate * kMaxScore / most;
    case Scale::kReversed:
      return most <= 0 ? kMaxScore : kMaxScore - rate * kMaxScore / most;
    case Scale::kBetween:
      return most == least ? 0 : (rate - least) * kMaxScore / (most - least);
    case Scale::kEvenly:
      if (rate < 0) return 0;
      return most <= 0 ? kMaxScore : kMaxScore * (most + least - rate) / most;
  }
  return 0;
}

void add_to(std::vector<int64_t>& totals, const std::vector<int64_t>& rates, const Score& score) {
  int64_t least = INT64_MAX, most = INT64_MIN;
  for (const int64_t rate : rates) {
    if (score.scale == Scale::kEvenly && rate < 0) continue;
    least = std::min(least, rate);
    most = std::max(most, rate);
  }
  for (size_t i = 0; i < rates.size(); ++i) totals[i] += score.weight * scaled(score.scale, rates[i], least, most);
}

}  // namespace

size_t pick_best(const WaitingPod& pod, Tallies& tallies, const std::vector<const NodeState*>& feasible) {
  if (feasible.size() == 1) return 0;
  std::vector<int64_t> totals(feasible.size()), rates(feasible.size());
  for (const auto& [score, notes] : pod.scores) {
    std::unique_ptr<const Notes> state;
    if (score->prepare != nullptr && !score->prepare(pod, notes.get(), tallies, feasible, state)) continue;
    const Notes* given = state != nullptr ? state.get() : notes.get();
    for (size_t i = 0; i < feasible.size(); ++i) rates[i] = score->rate(pod, given, *feasible[i]);
    add_to(totals, rates, *score);
  }
  return static_cast<size_t>(std::max_element(totals.begin(), totals.end()) - totals.begin());
}

}  // namespace gantry::scheduler
