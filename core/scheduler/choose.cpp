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

// What the filters say beside those to whom the node is promised; they are gone again when it ends.
Verdict beside_nominated(const WaitingPod& pod, const NodeState& node, NodeCache& cache, const Nominations& nominations,
                         Rejections& rejections) {
  const auto& promised = nominations.on(node.facts.name);
  if (promised.empty()) return Verdict::kFits;
  const size_t trial = cache.tallies().begin_trial();
  std::vector<std::string> guests;
  for (const auto& other : promised) {
    if (other->priority < pod.priority || other->uid == pod.uid || cache.has_pod(other->uid)) continue;
    cache.add_pod(other, node.facts.name, true);
    guests.push_back(other->uid);
  }
  Verdict verdict = Verdict::kFits;
  if (!guests.empty()) {
    Judge judge(pod, cache.tallies());
    verdict = judge.ask(node, rejections);
    judge.add_help(rejections);
    if (verdict != Verdict::kFits) rejections.helped_by |= Changes::kPodGone;  // as when a promise is no more
  }
  for (const auto& uid : guests) cache.lift(uid);
  cache.tallies().end_trial(trial);
  return verdict;
}

// `all`: how many there are; `nodes` are those that it can go to at all.
Choice choose_among(const WaitingPod& pod, const std::vector<NodeState*>& nodes, size_t first, size_t all,
                    NodeCache& cache, const Nominations& nominations) {
  Choice choice;
  choice.helped_by = Changes::kNodeAdded;
  if (all == 0) {
    choice.message = "no nodes available to schedule pods";
    return choice;
  }
  const size_t enough = enough_nodes(nodes.size());
  std::vector<const NodeState*> feasible;
  Rejections rejections;
  Judge judge(pod, cache.tallies());
  for (; choice.looked < nodes.size() && feasible.size() < enough; ++choice.looked) {
    NodeState* node = nodes[(first + choice.looked) % nodes.size()];
    Verdict verdict = judge.ask(*node, rejections);
    if (verdict == Verdict::kFits && !nominations.empty())
      verdict = beside_nominated(pod, *node, cache, nominations, rejections);
    if (verdict == Verdict::kFits)
      feasible.push_back(node);
    else if (verdict == Verdict::kUnschedulable)
      choice.crowded.push_back(node);
  }
  if (feasible.empty()) {
    choice.message = no_node_error(all, nodes.size(), rejections.reasons.counts());
    judge.add_help(rejections);
    choice.helped_by |= rejections.helped_by;
    choice.topics = std::move(rejections.topics);
    return choice;
  }
  choice.node = feasible[pick_best(pod, cache.tallies(), feasible)];
  return choice;
}

}  // namespace

bool fits_now(const WaitingPod& pod, const NodeState& node, NodeCache& cache, const Nominations& nominations,
              Reasons& why) {
  Rejections rejections;
  const bool fits = Judge(pod, cache.tallies()).ask(node, rejections) == Verdict::kFits &&
                    beside_nominated(pod, node, cache, nominations, rejections) == Verdict::kFits;
  for (const auto& [reason, count] : rejections.reasons.counts()) why.add(reason);
  return fits;
}

Choice choose(const WaitingPod& pod, NodeCache& cache, size_t first, const Nominations& nominations) {
  cache.tallies().trim();
  if (const std::string* promised = nominations.node_of(pod.uid); promised != nullptr) {
    Choice choice;
    Reasons unheard;
    choice.node = cache.find(*promised);
    if (choice.node != nullptr && fits_now(pod, *choice.node, cache, nominations, unheard)) return choice;
  }
  const auto& all = cache.nodes();
  if (!pod.nodes) return choose_among(pod, all, first, all.size(), cache, nominations);
  std::vector<NodeState*> named;
  for (const auto& name : *pod.nodes) {
    if (auto* node = cache.find(name)) named.push_back(node);
  }
  auto choice = choose_among(pod, named, 0, all.size(), cache, nominations);
  choice.looked = 0;  // whose turn it is stays as it was
  return choice;
}

}  // namespace gantry::scheduler
