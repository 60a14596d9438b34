#include "core/scheduler/choose.hpp"

#include <algorithm>

#include "core/scheduler/messages.hpp"
#include "core/scheduler/score.hpp"

namespace gantry::scheduler {
namespace {

// How many feasible nodes are enough to choose among: all up to 100, then a share that falls as clusters grow.
size_t enough_nodes(size_t all) {
  if (all <= 100) return all;
  const size_t percent = std::max<size_t>(5, 50 - all / 125);
  return std::max<size_t>(100, all * percent / 100);
}

// Why none of them can: `all`, of which `looked_at` gave the reasons.
std::string no_node_error(size_t all, size_t looked_at, const Reasons::Counts& reasons) {
  if (all == looked_at) return fit_error(all, reasons);
  auto counts = reasons;
  counts["node(s) didn't satisfy plugin(s) [NodeAffinity]"] += all - looked_at;
  return fit_error(all, counts);
}

// `all`: how many there are; `nodes` are those that it can go to at all.
Choice choose_among(const WaitingPod& pod, const std::vector<NodeState*>& nodes, size_t first, size_t all,
                    Tallies& tallies) {
  Choice choice;
  choice.helped_by = Changes::kNodeAdded;
  if (all == 0) {
    choice.message = "no nodes available to schedule pods";
    return choice;
  }
  const size_t enough = enough_nodes(nodes.size());
  std::vector<const NodeState*> feasible;
  Rejections rejections;
  tallies.trim();
  Judge judge(pod, tallies);
  for (; choice.looked < nodes.size() && feasible.size() < enough; ++choice.looked) {
    const NodeState* node = nodes[(first + choice.looked) % nodes.size()];
    if (judge.ask(*node, rejections) == Verdict::kFits) feasible.push_back(node);
  }
  if (feasible.empty()) {
    choice.message = no_node_error(all, nodes.size(), rejections.reasons.counts());
    judge.add_help(rejections);
    choice.helped_by |= rejections.helped_by;
    choice.topics = std::move(rejections.topics);
    return choice;
  }
  choice.node = feasible[pick_best(pod, tallies, feasible)];
  return choice;
}

}  // namespace

Choice choose(const WaitingPod& pod, NodeCache& cache, size_t first) {
  const auto& all = cache.nodes();
  if (!pod.nodes) return choose_among(pod, all, first, all.size(), cache.tallies());
  std::vector<NodeState*> named;
  for (const auto& name : *pod.nodes) {
    if (auto* node = cache.find(name)) named.push_back(node);
  }
  auto choice = choose_among(pod, named, 0, all.size(), cache.tallies());
  choice.looked = 0;  // whose turn it is stays as it was
  return choice;
}

}  // namespace gantry::scheduler
