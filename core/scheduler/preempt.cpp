#include "core/scheduler/preempt.hpp"

#include <algorithm>

namespace gantry::scheduler {
namespace {

bool more_important(const PodPtr& a, const PodPtr& b) {
  if (a->priority != b->priority) return a->priority > b->priority;
  const auto since = [](const PodPtr& pod) { return pod->started_seconds == 0 ? INT64_MAX : pod->started_seconds; };
  if (since(a) != since(b)) return since(a) < since(b);
  return a->uid < b->uid;
}

// Whether each pod's end would be one more than a budget allows, when they end in this order.
std::vector<bool> violations_of(const std::vector<PodPtr>& pods, const Budgets& budgets) {
  std::vector<bool> out(pods.size());
  std::unordered_map<const Budget*, int32_t> spent;
  for (size_t i = 0; i < pods.size(); ++i) {
    const auto in_namespace = budgets.find(pods[i]->ns);
    if (in_namespace == budgets.end() || pods[i]->labels.empty()) continue;
    for (const auto& [name, budget] : in_namespace->second) {
      if (!budget.pods || sdk::is_empty(*budget.pods) || !sdk::selector_matches(*budget.pods, pods[i]->labels) ||
          budget.on_their_way.contains(pods[i]->name))
        continue;
      if (++spent[&budget] > budget.allowed) out[i] = true;
    }
  }
  return out;
}

// One node on which things are tried; what was lifted goes back at the end.
class Trial {
 public:
  Trial(const WaitingPod& pod, NodeState& node, NodeCache& cache, const Nominations& nominated)
      : pod_(pod), node_(node), cache_(cache), nominated_(nominated), trial_(cache.tallies().begin_trial()) {}
  ~Trial() {
    for (const auto& placed : lifted_) cache_.put_back(placed);
    cache_.tallies().end_trial(trial_);
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  void lift(const PodPtr& pod) { lifted_.push_back(cache_.lift(pod->uid)); }
  bool fits(Reasons& why) const { return fits_now(pod_, node_, cache_, nominated_, why); }
  // Puts it back if the pod fits all the same.
  bool spare(const PodPtr& victim) {
    const auto at = std::find_if(lifted_.begin(), lifted_.end(), [&](const auto& one) { return one.pod == victim; });
    cache_.put_back(*at);
    Reasons unheard;
    if (fits(unheard)) {
      lifted_.erase(at);
      return true;
    }
    *at = cache_.lift(victim->uid);
    return false;
  }

 private:
  const WaitingPod& pod_;
  NodeState& node_;
  NodeCache& cache_;
  const Nominations& nominated_;
  const size_t trial_;
  std::vector<NodeCache::Placed> lifted_;
};

std::optional<Preemption> victims_on(const WaitingPod& pod, NodeState& node, NodeCache& cache, const Budgets& budgets,
                                     const Nominations& nominated, Reasons& why) {
  std::vector<PodPtr> lower;
  for (const auto& one : node.residents) {
    if (one->priority < pod.priority) lower.push_back(one);
  }
  if (lower.empty()) {
    why.add("No preemption victims found for incoming pod");
    return std::nullopt;
  }
  Trial trial(pod, node, cache, nominated);
  for (const auto& one : lower) trial.lift(one);
  if (!trial.fits(why)) return std::nullopt;
  std::sort(lower.begin(), lower.end(), more_important);
  const auto violates = violations_of(lower, budgets);
  Preemption out;
  out.node = &node;
  // Those whom a budget protects are spared first.
  for (const bool protect : {true, false}) {
    for (size_t i = 0; i < lower.size(); ++i) {
      if (violates[i] != protect || trial.spare(lower[i])) continue;
      out.victims.push_back(lower[i]);
      out.violations += protect ? 1 : 0;
    }
  }
  std::sort(out.victims.begin(), out.victims.end(), more_important);
  return out;
}

// The earliest start among those of its highest priority.
int64_t earliest_start(const Preemption& some) {
  int64_t out = INT64_MAX;
  for (const auto& victim : some.victims) {
    if (victim->priority == some.victims.front()->priority && victim->started_seconds != 0)
      out = std::min(out, victim->started_seconds);
  }
  return out;
}

// Priorities count from the least there is, so that fewer pods of less than none are not more harm.
int64_t sum_of_priorities(const Preemption& some) {
  int64_t out = 0;
  for (const auto& victim : some.victims) out += static_cast<int64_t>(victim->priority) + INT32_MAX + 1;
  return out;
}

}  // namespace

bool is_less_harm(const Preemption& a, const Preemption& b) {
  if (a.violations != b.violations) return a.violations < b.violations;
  if (a.victims.empty() || b.victims.empty()) return a.victims.size() < b.victims.size();
  const int32_t highest_a = a.victims.front()->priority, highest_b = b.victims.front()->priority;
  if (highest_a != highest_b) return highest_a < highest_b;
  if (const auto x = sum_of_priorities(a), y = sum_of_priorities(b); x != y) return x < y;
  if (a.victims.size() != b.victims.size()) return a.victims.size() < b.victims.size();
  return earliest_start(a) > earliest_start(b);
}

std::optional<Preemption> find_victims(const WaitingPod& pod, NodeCache& cache, const std::vector<NodeState*>& crowded,
                                       size_t first, const Budgets& budgets, const Nominations& nominated,
                                       Reasons& why) {
  // A tenth of the nodes, and a hundred at least, are enough to choose among.
  const size_t enough = std::max<size_t>(100, crowded.size() / 10);
  std::optional<Preemption> best;
  size_t found = 0;
  bool harmless = false;  // some violate no budget
  for (size_t i = 0; i < crowded.size() && (found < enough || !harmless); ++i) {
    auto one = victims_on(pod, *crowded[(first + i) % crowded.size()], cache, budgets, nominated, why);
    if (!one) continue;
    ++found;
    harmless = harmless || one->violations == 0;
    if (!best || is_less_harm(*one, *best)) best = std::move(one);
  }
  return best;
}

std::string why_not_preempt(const WaitingPod& pod, const std::string* promised,
                            const std::vector<NodeState*>& crowded) {
  if (!pod.may_preempt) return "not eligible due to preemptionPolicy=Never.";
  if (promised == nullptr) return {};
  // Where nobody's end helps any more there is nothing to wait for.
  for (const NodeState* node : crowded) {
    if (node->facts.name != *promised) continue;
    for (const auto& one : node->residents) {
      if (one->terminating && one->preempted && one->priority < pod.priority) return kWaits;
    }
  }
  return {};
}

}  // namespace gantry::scheduler
