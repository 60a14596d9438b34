// Objects that this controller's tests share.
#pragma once

#include <string>

#include "gantry/times.hpp"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::nodelifecycle {

inline constexpr int64_t kNow = 1'700'000'000 * kNanosPerSecond;
inline constexpr int64_t kSecond = kNanosPerSecond;

// `ready`: "True", "False", "Unknown", or "" for a node that has never
// reported.
inline corev1::Node node_of(const std::string& name, const std::string& ready, const std::string& zone = {}) {
  corev1::Node node;
  node.mutable_metadata()->set_name(name);
  node.mutable_metadata()->set_uid("uid-" + name);
  *node.mutable_metadata()->mutable_creation_timestamp() = to_time(kNow);
  if (!zone.empty()) (*node.mutable_metadata()->mutable_labels())["topology.kubernetes.io/zone"] = zone;
  if (ready.empty()) return node;
  auto& condition = *node.mutable_status()->add_conditions();
  condition.set_type("Ready");
  condition.set_status(ready);
  *condition.mutable_last_heartbeat_time() = to_time(kNow);
  return node;
}

inline void taint(corev1::Node& node, const std::string& key, const std::string& effect) {
  auto& added = *node.mutable_spec()->add_taints();
  added.set_key(key);
  added.set_effect(effect);
}

// "key:effect key:effect"
inline std::string taints_of(const corev1::Node& node) {
  std::string text;
  for (const auto& one : node.spec().taints()) {
    text += (text.empty() ? "" : " ") + one.key().substr(one.key().find('/') + 1) + ":" + one.effect();
  }
  return text;
}

inline corev1::Pod pod_of(const std::string& name, const std::string& node) {
  corev1::Pod pod;
  pod.mutable_metadata()->set_namespace_("shop");
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_uid("uid-" + name);
  *pod.mutable_metadata()->mutable_creation_timestamp() = to_time(kNow - 1'000 * kSecond);
  pod.mutable_spec()->set_node_name(node);
  pod.mutable_status()->set_phase("Running");
  auto& condition = *pod.mutable_status()->add_conditions();
  condition.set_type("Ready");
  condition.set_status("True");
  return pod;
}

// `seconds` below 0: for ever.
inline void tolerate(corev1::Pod& pod, const std::string& key, int64_t seconds) {
  auto& toleration = *pod.mutable_spec()->add_tolerations();
  toleration.set_key(key);
  toleration.set_operator_("Exists");
  toleration.set_effect("NoExecute");
  if (seconds >= 0) toleration.set_toleration_seconds(seconds);
}

}  // namespace gantry::nodelifecycle
