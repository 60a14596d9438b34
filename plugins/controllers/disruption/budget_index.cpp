#include "budget_index.hpp"

#include "k8s.io/api/policy/v1/pod_disruption_budget.pb.h"

namespace gantry::disruption {

// A budget without a selector selects nothing, and is not kept.
void BudgetIndex::fill() {
  if (filled_) return;
  const auto all = host_.cached_list<policyv1::PodDisruptionBudget>("");
  if (!all) return;
  for (const auto& budget : *all) {
    if (!budget.spec().has_selector()) continue;
    namespaces_[budget.metadata().namespace_()][budget.metadata().name()] = budget.spec().selector();
  }
  filled_ = true;
}

void BudgetIndex::note(const abi::ObjectEvent& event) {
  policyv1::PodDisruptionBudget budget;
  if (!budget.ParseFromString(event.object())) return;
  const std::lock_guard lock(mutex_);
  fill();
  const std::string& ns = budget.metadata().namespace_();
  if (event.type() != abi::ObjectEvent::DELETED && budget.spec().has_selector()) {
    namespaces_[ns][budget.metadata().name()] = budget.spec().selector();
    return;
  }
  const auto found = namespaces_.find(ns);
  if (found == namespaces_.end()) return;
  found->second.erase(budget.metadata().name());
  if (found->second.empty()) namespaces_.erase(found);
}

std::vector<std::string> BudgetIndex::matching(const std::string& ns, const sdk::LabelMap& labels) {
  const std::lock_guard lock(mutex_);
  fill();
  std::vector<std::string> names;
  const auto found = namespaces_.find(ns);
  if (found == namespaces_.end()) return names;
  for (const auto& [name, selector] : found->second) {
    if (sdk::selector_matches(selector, labels)) names.push_back(name);
  }
  return names;
}

}  // namespace gantry::disruption
