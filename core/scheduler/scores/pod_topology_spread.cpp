// PodTopologySpread: fewer pods of the same kind at the same place are better, by the constraints with ScheduleAnyway,
// or by default over nodes and zones.
#include <cmath>

#include "core/scheduler/score.hpp"
#include "core/scheduler/spread.hpp"

namespace gantry::scheduler::scores::pod_topology_spread {
namespace {

constexpr std::string_view kHostname = "kubernetes.io/hostname";

struct Soft : Notes {
  std::vector<SpreadConstraint> constraints;
  bool by_default = false;  // nodes need not have all the labels
};

struct Counted : Notes {
  struct One {
    const Tally* tally;
    double weight;
    int32_t max_skew;
  };
  std::vector<One> all;
  bool by_default = false;
};

bool concerns(const WaitingPod& pod, const corev1::PodSpec& spec, std::unique_ptr<const Notes>& notes) {
  auto soft = std::make_unique<Soft>();
  soft->by_default = spec.topology_spread_constraints().empty();
  soft->constraints = soft->by_default ? default_spread(pod, spec) : read_spread(pod, spec, "ScheduleAnyway");
  if (soft->constraints.empty()) return false;
  notes = std::move(soft);
  return true;
}

bool is_rated(const Counted& counted, const NodeState& node) {
  if (counted.by_default) return true;
  for (const auto& one : counted.all) {
    if (one.tally->at(node) < 0) return false;
  }
  return true;
}

// Places weigh more the more of them there are, so that few zones are not drowned by many nodes.
bool prepare(const WaitingPod&, const Notes* notes, Tallies& tallies, const std::vector<const NodeState*>& feasible,
             std::unique_ptr<const Notes>& state) {
  const auto& soft = static_cast<const Soft&>(*notes);
  auto counted = std::make_unique<Counted>();
  counted->by_default = soft.by_default;
  for (const auto& one : soft.constraints) counted->all.push_back({&tallies.tally(one.count), 0, one.max_skew});
  std::vector<bool> rated(feasible.size());
  size_t rated_count = 0;
  for (size_t i = 0; i < feasible.size(); ++i) rated_count += (rated[i] = is_rated(*counted, *feasible[i])) ? 1 : 0;
  for (auto& one : counted->all) {
    size_t places = rated_count;
    if (one.tally->key->name != kHostname) {
      std::vector<bool> seen(one.tally->key->nodes.size() + 1);  // the last: without the label
      places = 0;
      for (size_t i = 0; i < feasible.size(); ++i) {
        if (!rated[i]) continue;
        const int32_t place = feasible[i]->place(one.tally->key->id);
        auto&& mark = seen[place < 0 ? seen.size() - 1 : static_cast<size_t>(place)];
        places += mark ? 0 : 1;
        mark = true;
      }
    }
    one.weight = std::log(static_cast<double>(places + 2));
  }
  state = std::move(counted);
  return true;
}

int64_t rate(const WaitingPod&, const Notes* state, const NodeState& node) {
  const auto& counted = static_cast<const Counted&>(*state);
  if (!is_rated(counted, node)) return -1;
  double sum = 0;
  for (const auto& one : counted.all) {
    const int32_t here = one.tally->at(node);
    if (here >= 0) sum += here * one.weight + (one.max_skew - 1);
  }
  return static_cast<int64_t>(std::lround(sum));
}

}  // namespace

Score score() {
  return {.name = "PodTopologySpread",
          .weight = 2,
          .scale = Scale::kEvenly,
          .concerns = concerns,
          .prepare = prepare,
          .rate = rate};
}

}  // namespace gantry::scheduler::scores::pod_topology_spread
