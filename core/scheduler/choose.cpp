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

}  // namespace

Choice choose(const WaitingPod& pod, const std::vector<NodeState*>& nodes, size_t first) {
  Choice choice;
  if (!pod.unsupported.empty()) {
    choice.message = unsupported_error(nodes.size(), pod.unsupported);
    return choice;
  }
  choice.helped_by = Changes::kNodeAdded;
  if (nodes.empty()) {
    choice.message = "no nodes available to schedule pods";
    return choice;
  }
  const size_t enough = enough_nodes(nodes.size());
  std::vector<const NodeState*> feasible;
  Rejections rejections;
  for (; choice.looked < nodes.size() && feasible.size() < enough; ++choice.looked) {
    const NodeState* node = nodes[(first + choice.looked) % nodes.size()];
    if (judge(pod, *node, rejections) == Verdict::kFits) feasible.push_back(node);
  }
  if (feasible.empty()) {
    choice.message = fit_error(nodes.size(), rejections.reasons.counts());
    choice.helped_by |= rejections.helped_by;
    return choice;
  }
  choice.node = feasible[pick_best(pod, feasible)];
  return choice;
}

}  // namespace gantry::scheduler
