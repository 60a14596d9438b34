#include "core/scheduler/spread.hpp"

#include <algorithm>

namespace gantry::scheduler {
namespace {

struct NodePolicies {
  std::shared_ptr<const NodeChoice> choice;
  std::shared_ptr<const Tolerations> tolerations;
  std::string choice_text, tolerations_text;
};

NodePolicies policies_of(const WaitingPod& pod, const corev1::PodSpec& spec) {
  NodePolicies out;
  out.choice = read_node_choice(spec);
  if (out.choice != nullptr) {
    for (const auto& [key, value] : out.choice->labels)
      out.choice_text.append(key).append("=").append(value).append(",");
    if (out.choice->required) out.choice_text += out.choice->required->SerializeAsString();
  }
  out.tolerations = std::make_shared<Tolerations>(pod.tolerations);
  for (const auto& toleration : spec.tolerations()) out.tolerations_text += toleration.SerializeAsString() + ";";
  return out;
}

// Labels whose values the pod has join the selector; the API server has put them there for pods that came by it.
void join_label_keys(const corev1::TopologySpreadConstraint& constraint, const sdk::LabelMap& labels,
                     metav1::LabelSelector& selector) {
  for (const auto& key : constraint.match_label_keys()) {
    const auto found = labels.find(key);
    if (found == labels.end()) continue;
    auto& joined = *selector.add_match_expressions();
    joined.set_key(key);
    joined.set_operator_("In");
    joined.add_values(found->second);
  }
}

SpreadConstraint read_constraint(const corev1::TopologySpreadConstraint& given, const WaitingPod& pod,
                                 const NodePolicies& policies) {
  SpreadConstraint out;
  out.max_skew = given.max_skew();
  out.min_domains = given.has_min_domains() ? given.min_domains() : 1;
  out.count.by = given.topology_key();
  out.count.without_terminating = true;
  Selection who;
  who.namespaces = {pod.ns};
  if (given.has_label_selector() || given.match_label_keys_size() > 0) {
    who.pods = given.label_selector();
    join_label_keys(given, pod.labels, *who.pods);
    if (!given.has_label_selector() && sdk::is_empty(*who.pods)) who.pods.reset();
  }
  out.self = who.pods && sdk::selector_matches(*who.pods, pod.labels);
  out.count.who.all = {std::move(who)};
  if (given.node_affinity_policy() != "Ignore") {
    out.count.of = policies.choice;
    out.count.of_text = policies.choice_text;
  }
  if (given.node_taints_policy() == "Honor") {
    out.count.in = policies.tolerations;
    out.count.in_text = "!" + policies.tolerations_text;
  }
  return out;
}

}  // namespace

std::vector<SpreadConstraint> read_spread(const WaitingPod& pod, const corev1::PodSpec& spec, std::string_view when) {
  std::vector<SpreadConstraint> out;
  const auto& all = spec.topology_spread_constraints();
  if (std::none_of(all.begin(), all.end(), [&](const auto& one) { return one.when_unsatisfiable() == when; }))
    return out;
  const NodePolicies policies = policies_of(pod, spec);
  for (const auto& one : all) {
    if (one.when_unsatisfiable() == when) out.push_back(read_constraint(one, pod, policies));
  }
  std::vector<std::string> keys;
  for (const auto& one : out) keys.push_back(one.count.by);
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  for (auto& one : out) {
    one.count.also = keys;
    std::erase(one.count.also, one.count.by);
    one.count.finish();
  }
  return out;
}

std::vector<SpreadConstraint> default_spread(const WaitingPod& pod, const corev1::PodSpec& spec) {
  std::vector<SpreadConstraint> out;
  if (pod.owner.empty()) return out;
  const NodePolicies policies = policies_of(pod, spec);
  for (const auto& [key, skew] :
       {std::pair{"kubernetes.io/hostname", 3}, std::pair{"topology.kubernetes.io/zone", 5}}) {
    SpreadConstraint one;
    one.max_skew = skew;
    one.self = true;
    one.count.by = key;
    one.count.without_terminating = true;
    one.count.who.owner = pod.owner;
    one.count.of = policies.choice;
    one.count.of_text = policies.choice_text;
    one.count.finish();
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace gantry::scheduler
