// The filters in the order in which a node is asked, which is upstream's: the first that objects gives the reason. A
// filter is one file of filters/, and its line here.
#include "core/scheduler/filter.hpp"

#define GANTRY_FILTERS(filter)                                                                 \
  filter(node_unschedulable) filter(taint_toleration) filter(node_affinity) filter(node_ports) \
      filter(node_resources_fit)

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

Verdict judge(const WaitingPod& pod, const NodeState& node, Rejections& rejections) {
  for (const auto& [filter, notes] : pod.filters) {
    const Verdict verdict = filter->check(pod, notes.get(), node, rejections.reasons);
    if (verdict == Verdict::kFits) continue;
    rejections.helped_by |= filter->helped_by;
    return verdict;
  }
  return Verdict::kFits;
}

}  // namespace gantry::scheduler
