// Which nodes a DaemonSet is for. Pure but for all_nodes(), which is [worker].
//
// Of a node only its name, labels and taints are read: the rest (images, conditions) is most of its bytes and says
// nothing here, and every reconcile looks at every node.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "gantry/host.hpp"
#include "gantry/scheduling/tolerations.hpp"
#include "k8s.io/api/apps/v1/daemon_set.pb.h"
#include "k8s.io/api/core/v1/node.pb.h"

namespace gantry::daemonset {

using appsv1::DaemonSet;
using corev1::Node;

// Of an encoded node; null when the bytes are none.
std::optional<Node> placement_facts(std::string_view node);
bool same_facts(const Node& a, const Node& b);

// Those of the cache, by name.
std::vector<Node> all_nodes(const sdk::Host& host);

struct Fit {
  bool wanted = false;    // a pod belongs there
  bool may_stay = false;  // one that is there already need not go
  bool operator==(const Fit&) const = default;
};

// What the pods of one DaemonSet ask of a node.
class Placement {
 public:
  explicit Placement(const DaemonSet& set);
  Fit on(const Node& node) const;

 private:
  corev1::PodSpec spec_;  // with what daemons tolerate
  sdk::Tolerations tolerations_;
};

}  // namespace gantry::daemonset
