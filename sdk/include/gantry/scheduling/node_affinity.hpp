// Which nodes a pod may run on by their labels and name: node selectors and node affinity, as upstream's scheduler and
// DaemonSet controller read them. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "k8s.io/api/core/v1/affinity.pb.h"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod_spec.pb.h"

namespace gantry::sdk {

// A node's name and its labels wherever they are kept: borrows both.
struct NodeView {
  std::string_view name;
  const void* labels;
  const std::string* (*find)(const void* labels, std::string_view key);  // null: none of this key

  const std::string* label(std::string_view key) const { return find(labels, key); }
};
NodeView view_of(const corev1::Node& node);

// A term without requirements matches nothing, as does one with a requirement that makes no sense.
bool term_matches(const corev1::NodeSelectorTerm& term, const NodeView& node);
// One of the terms matches.
bool node_selector_matches(const corev1::NodeSelector& selector, const NodeView& node);
// spec.nodeSelector, and what spec.affinity requires.
bool pod_selects(const corev1::PodSpec& spec, const NodeView& node);

// The sum of the weights of the preferred terms that match.
int64_t preferred_weight(const corev1::NodeAffinity& affinity, const NodeView& node);

}  // namespace gantry::sdk
