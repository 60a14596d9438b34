#include "daemon_pods.hpp"

#include <charconv>

#include "gantry/ownership.hpp"
#include "gantry/pod_template.hpp"

namespace gantry::daemonset {
namespace {

constexpr char kNodeName[] = "metadata.name";

bool same_but_time(const corev1::Toleration& a, const corev1::Toleration& b) {
  return a.key() == b.key() && a.operator_() == b.operator_() && a.effect() == b.effect() && a.value() == b.value();
}

void tolerate(corev1::PodSpec& spec, const char* key, const char* effect) {
  corev1::Toleration wanted;
  wanted.set_key(key);
  wanted.set_operator_("Exists");
  wanted.set_effect(effect);
  for (auto& toleration : *spec.mutable_tolerations()) {
    if (!same_but_time(toleration, wanted)) continue;
    toleration.clear_toleration_seconds();  // for ever
    return;
  }
  *spec.add_tolerations() = std::move(wanted);
}

}  // namespace

void add_daemon_tolerations(corev1::PodSpec& spec) {
  tolerate(spec, "node.kubernetes.io/not-ready", "NoExecute");
  tolerate(spec, "node.kubernetes.io/unreachable", "NoExecute");
  tolerate(spec, "node.kubernetes.io/disk-pressure", "NoSchedule");
  tolerate(spec, "node.kubernetes.io/memory-pressure", "NoSchedule");
  tolerate(spec, "node.kubernetes.io/pid-pressure", "NoSchedule");
  tolerate(spec, "node.kubernetes.io/unschedulable", "NoSchedule");
  if (spec.host_network()) tolerate(spec, "node.kubernetes.io/network-unavailable", "NoSchedule");
}

Pod make_pod(const DaemonSet& set, const std::string& hash) {
  auto pod = sdk::pod_from_template(set.spec().template_(), set.metadata(),
                                    sdk::controller_reference(set.metadata(), kApiVersion, kKind));
  add_daemon_tolerations(*pod.mutable_spec());
  auto& labels = *pod.mutable_metadata()->mutable_labels();
  labels[kHashLabel] = hash;
  const auto& annotations = set.metadata().annotations();
  const auto it = annotations.find(kGenerationAnnotation);
  if (it == annotations.end()) return pod;
  const auto& text = it->second;
  int64_t generation = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), generation);
  if (error == std::errc() && end == text.data() + text.size()) labels[kGenerationLabel] = std::to_string(generation);
  return pod;
}

void pin_to_node(Pod& pod, const std::string& node) {
  auto& required = *pod.mutable_spec()
                        ->mutable_affinity()
                        ->mutable_node_affinity()
                        ->mutable_required_during_scheduling_ignored_during_execution();
  required.clear_node_selector_terms();
  auto& field = *required.add_node_selector_terms()->add_match_fields();
  field.set_key(kNodeName);
  field.set_operator_("In");
  field.add_values(node);
}

std::string_view node_of(const Pod& pod) {
  if (!pod.spec().node_name().empty()) return pod.spec().node_name();
  const auto& required = pod.spec().affinity().node_affinity().required_during_scheduling_ignored_during_execution();
  for (const auto& term : required.node_selector_terms()) {
    for (const auto& field : term.match_fields()) {
      if (field.key() != kNodeName || field.operator_() != "In") continue;
      return field.values_size() == 1 ? std::string_view(field.values(0)) : std::string_view();
    }
  }
  return {};
}

const std::string& hash_of(const Pod& pod) {
  static const std::string kNone;
  const auto it = pod.metadata().labels().find(kHashLabel);
  return it == pod.metadata().labels().end() ? kNone : it->second;
}

}  // namespace gantry::daemonset
