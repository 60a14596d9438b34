// The filters in the order in which a node is asked, which is upstream's: the first that objects gives the reason. A
// filter is one file of filters/, and its line here.
#include "core/scheduler/filter.hpp"

#define GANTRY_FILTERS(filter)                                                                 \
  filter(node_unschedulable) filter(taint_toleration) filter(node_affinity) filter(node_ports) \
      filter(node_resources_fit) filter(pod_topology_spread) filter(inter_pod_affinity)

namespace gantry::scheduler {

#define GANTRY_DECLARE(name) \
  namespace filters::name {  \
  Filter filter();           \
  }
GANTRY_FILTERS(GANTRY_DECLARE)
#undef GANTRY_DECLARE

std::span<const Filter> all_filters() {
#define GANTRY_ROW(name) filters::name::filter(),
  static const Filter all[] = {GANTRY_FILTERS(GANTRY_ROW)};
#undef GANTRY_ROW
  return all;
}

#undef GANTRY_FILTERS

void Reasons::add(std::string_view reason) {
  const auto it = counts_.find(reason);
  if (it != counts_.end())
    ++it->second;
  else
    counts_.emplace(reason, 1);
}

Judge::Judge(const WaitingPod& pod, Tallies& tallies) : pod_(pod) {
  filters_.reserve(pod.filters.size());
  for (const auto& [filter, notes] : pod.filters) {
    std::unique_ptr<const Notes> state;
    if (filter->prepare != nullptr && !filter->prepare(pod, notes.get(), tallies, state)) continue;
    const Notes* given = state != nullptr ? state.get() : notes.get();
    filters_.push_back({filter, given, std::move(state)});
  }
}

Verdict Judge::ask(const NodeState& node, Rejections& rejections) {
  for (Asking& one : filters_) {
    const Verdict verdict = one.filter->check(pod_, one.notes, node, rejections.reasons);
    if (verdict == Verdict::kFits) continue;
    one.refused = true;
    return verdict;
  }
  return Verdict::kFits;
}

void Judge::add_help(Rejections& rejections) const {
  for (const Asking& one : filters_) {
    if (!one.refused) continue;
    rejections.helped_by |= one.filter->helped_by;
    if (one.filter->topics != nullptr) one.filter->topics(one.notes, rejections.topics);
  }
}

}  // namespace gantry::scheduler
