// NodeAffinity: spec.nodeSelector, and what spec.affinity.nodeAffinity requires.
#include <algorithm>
#include <optional>

#include "core/scheduler/filter.hpp"

namespace gantry::scheduler::filters::node_affinity {
namespace {

struct Wanted : Notes {
  std::vector<std::pair<std::string, std::string>> labels;
  std::optional<corev1::NodeSelector> required;
};

bool concerns(const WaitingPod&, const corev1::PodSpec& spec, std::unique_ptr<const Notes>& notes) {
  const auto& affinity = spec.affinity().node_affinity();
  const bool requires_some = affinity.has_required_during_scheduling_ignored_during_execution();
  if (spec.node_selector().empty() && !requires_some) return false;
  auto wanted = std::make_unique<Wanted>();
  wanted->labels.assign(spec.node_selector().begin(), spec.node_selector().end());
  if (requires_some) wanted->required = affinity.required_during_scheduling_ignored_during_execution();
  notes = std::move(wanted);
  return true;
}

Verdict check(const WaitingPod&, const Notes* notes, const NodeState& node, Reasons& reasons) {
  const auto& wanted = static_cast<const Wanted&>(*notes);
  const bool labeled = std::all_of(wanted.labels.begin(), wanted.labels.end(), [&](const auto& label) {
    const std::string* have = node.facts.label(label.first);
    return have != nullptr && *have == label.second;
  });
  if (labeled && (!wanted.required || sdk::node_selector_matches(*wanted.required, node.facts.view())))
    return Verdict::kFits;
  reasons.add("node(s) didn't match Pod's node affinity/selector");
  return Verdict::kUnschedulable;
}

}  // namespace

Filter filter() {
  return {.name = "NodeAffinity", .helped_by = Changes::kLabels, .concerns = concerns, .check = check};
}

}  // namespace gantry::scheduler::filters::node_affinity
