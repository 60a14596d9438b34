// The scores. A score is one file of scores/, and its line here; their order is of no account.
#include <algorithm>

#include "core/scheduler/score.hpp"

#define GANTRY_SCORES(score) \
  score(taint_toleration) score(node_affinity) score(node_resources_fit) score(node_resources_balanced_allocation)

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

void add_to(std::vector<int64_t>& totals, const std::vector<int64_t>& rates, const Score& score) {
  if (score.scale == Scale::kAsIs) {
    for (size_t i = 0; i < rates.size(); ++i) totals[i] += score.weight * rates[i];
    return;
  }
  const int64_t most = *std::max_element(rates.begin(), rates.end());
  if (most <= 0) return;  // all are equal
  for (size_t i = 0; i < rates.size(); ++i) {
    const int64_t share = rates[i] * kMaxScore / most;
    totals[i] += score.weight * (score.scale == Scale::kReversed ? kMaxScore - share : share);
  }
}

}  // namespace

size_t pick_best(const WaitingPod& pod, const std::vector<const NodeState*>& feasible) {
  if (feasible.size() == 1) return 0;
  std::vector<int64_t> totals(feasible.size()), rates(feasible.size());
  for (const auto& [score, notes] : pod.scores) {
    for (size_t i = 0; i < feasible.size(); ++i) rates[i] = score->rate(pod, notes.get(), *feasible[i]);
    add_to(totals, rates, *score);
  }
  return static_cast<size_t>(std::max_element(totals.begin(), totals.end()) - totals.begin());
}

}  // namespace gantry::scheduler
