// The Node object as this machine would have it: labels, and a status from facts. Pure but for what capacity.hpp reads.
// Called by Registration. [any-thread]
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/node/machine/capacity.hpp"
#include "core/node/machine/registration.hpp"

namespace gantry::node {

// Adds and corrects what belongs to the agent; what others set stays. True when something changed.
bool apply_labels(const NodeOptions& options, corev1::Node& node);

struct StatusChange {
  bool changed = false;  // apart from the heartbeat's times
  // Events about conditions that turned: reason, message.
  std::vector<std::pair<std::string, std::string>> events;
};
// Puts the present state into node.status. Conditions of others stay; times of unchanged ones too.
StatusChange apply_status(const NodeOptions& options, const NodeFacts& facts, int64_t now_unix_ns, corev1::Node& node);

}  // namespace gantry::node
