// Preemption: which node could take a pod if pods of less priority left it, and which of them it would cost. Tries it
// on the cache, which is afterwards as it was. Run by the scheduling thread under the Scheduler's lock.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/scheduler/choose.hpp"
#include "gantry/selectors.hpp"

namespace gantry::scheduler {

// Of a PodDisruptionBudget.
struct Budget {
  std::optional<metav1::LabelSelector> pods;
  int32_t allowed = 0;
  std::unordered_set<std::string> on_their_way;  // names of pods that it has counted already
};
using Budgets = std::unordered_map<std::string, std::unordered_map<std::string, Budget>>;  // by namespace, by name

struct Preemption {
  NodeState* node = nullptr;
  std::vector<PodPtr> victims;  // the most important first
  size_t violations = 0;        // of budgets
};

// The least harm among some of `crowded`, beginning at `first`. Nothing: it would not help, and `why` has a reason of
// each node.
std::optional<Preemption> find_victims(const WaitingPod& pod, NodeCache& cache, const std::vector<NodeState*>& crowded,
                                       size_t first, const Budgets& budgets, const Nominations& nominated,
                                       Reasons& why);

// Whether the one is less harm than the other.
bool is_less_harm(const Preemption& a, const Preemption& b);

constexpr const char* kWaits = "not eligible due to a terminating pod on the nominated node.";
// Why the pod, to which the node of this name (null: none) is promised, may not preempt now; empty: it may.
std::string why_not_preempt(const WaitingPod& pod, const std::string* promised, const std::vector<NodeState*>& crowded);

}  // namespace gantry::scheduler
