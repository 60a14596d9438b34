#include "core/scheduler/pod_terms.hpp"

namespace gantry::scheduler {
namespace {

// How much pods that are wanted near by a rule are better near, when they come later (upstream's
// hardPodAffinityWeight).
constexpr int64_t kHardWeight = 1;

void add_term(std::vector<PodTerm>& terms, const corev1::PodAffinityTerm& term, const std::string& ns, bool forbids,
              int64_t weight) {
  PodTerm out;
  out.who.all = {read_selection(term, ns)};
  out.by = term.topology_key();
  out.forbids = forbids;
  out.weight = weight;
  out.text = (forbids ? "!" : std::to_string(weight)) + "/" + out.by + "/" + out.who.text();
  terms.push_back(std::move(out));
}

}  // namespace

Selection read_selection(const corev1::PodAffinityTerm& term, const std::string& ns) {
  Selection out;
  out.namespaces.assign(term.namespaces().begin(), term.namespaces().end());
  if (term.has_namespace_selector())
    out.in_namespaces = term.namespace_selector();
  else if (out.namespaces.empty())
    out.namespaces = {ns};
  if (term.has_label_selector()) out.pods = term.label_selector();
  return out;
}

std::vector<PodTerm> read_terms(const corev1::Pod& pod) {
  std::vector<PodTerm> out;
  if (!pod.spec().has_affinity()) return out;
  const auto& ns = pod.metadata().namespace_();
  const auto& near = pod.spec().affinity().pod_affinity();
  const auto& far = pod.spec().affinity().pod_anti_affinity();
  for (const auto& term : near.required_during_scheduling_ignored_during_execution())
    add_term(out, term, ns, false, kHardWeight);
  for (const auto& wish : near.preferred_during_scheduling_ignored_during_execution())
    add_term(out, wish.pod_affinity_term(), ns, false, wish.weight());
  for (const auto& term : far.required_during_scheduling_ignored_during_execution()) add_term(out, term, ns, true, 0);
  for (const auto& wish : far.preferred_during_scheduling_ignored_during_execution())
    add_term(out, wish.pod_affinity_term(), ns, false, -static_cast<int64_t>(wish.weight()));
  return out;
}

}  // namespace gantry::scheduler
