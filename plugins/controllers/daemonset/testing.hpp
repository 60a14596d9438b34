// Sets, nodes and pods for the unit tests.
#pragma once

#include <algorithm>
#include <list>
#include <string>
#include <vector>

#include "gantry/times.hpp"
#include "plan.hpp"

namespace gantry::daemonset::testing {

inline constexpr int64_t kNow = 5'000 * kNanosPerSecond;

inline Node make_node(const std::string& name, std::vector<std::pair<std::string, std::string>> labels = {}) {
  Node node;
  node.mutable_metadata()->set_name(name);
  for (auto& [key, value] : labels) (*node.mutable_metadata()->mutable_labels())[key] = value;
  return node;
}

inline Node tainted(Node node, const std::string& key, const std::string& effect) {
  auto& taint = *node.mutable_spec()->add_taints();
  taint.set_key(key);
  taint.set_effect(effect);
  return node;
}

inline DaemonSet make_set() {
  DaemonSet set;
  auto& meta = *set.mutable_metadata();
  meta.set_namespace_("shop");
  meta.set_name("agent");
  meta.set_uid("uid-agent");
  meta.set_generation(3);
  (*meta.mutable_annotations())[kGenerationAnnotation] = "2";
  auto& spec = *set.mutable_spec();
  (*spec.mutable_selector()->mutable_match_labels())["app"] = "agent";
  (*spec.mutable_template_()->mutable_metadata()->mutable_labels())["app"] = "agent";
  auto& container = *spec.mutable_template_()->mutable_spec()->add_containers();
  container.set_name("main");
  container.set_image("agent:1");
  spec.mutable_update_strategy()->set_type("RollingUpdate");
  spec.set_revision_history_limit(10);
  return set;
}

inline void set_limits(DaemonSet& set, int32_t unavailable, int32_t surge) {
  auto& rolling = *set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update();
  rolling.mutable_max_unavailable()->set_int_val(unavailable);
  rolling.mutable_max_surge()->set_int_val(surge);
}

// A cluster by hand: pods are where and how the test says.
struct Field {
  DaemonSet set = make_set();
  std::vector<Node> nodes;
  std::vector<Pod> pods;
  std::string hash = "new";
  Seats seats;

  enum class State : uint8_t { kReady, kRunning, kPending, kFailed, kSucceeded };
  // `seconds_ago`: since when it is as it is, and it was made a second earlier.
  Pod& add(const std::string& node, const std::string& of_hash, State state = State::kReady,
           int64_t seconds_ago = 100) {
    Pod pod = make_pod(set, of_hash);
    auto& meta = *pod.mutable_metadata();
    meta.set_name("pod-" + std::to_string(pods.size()));
    *meta.mutable_creation_timestamp() = to_time(kNow - (seconds_ago + 1) * kNanosPerSecond);
    pin_to_node(pod, node);
    if (state != State::kPending) pod.mutable_spec()->set_node_name(node);
    pod.mutable_status()->set_phase(state == State::kPending     ? "Pending"
                                    : state == State::kFailed    ? "Failed"
                                    : state == State::kSucceeded ? "Succeeded"
                                                                 : "Running");
    auto& ready = *pod.mutable_status()->add_conditions();
    ready.set_type("Ready");
    ready.set_status(state == State::kReady ? "True" : "False");
    *ready.mutable_last_transition_time() = to_time(kNow - seconds_ago * kNanosPerSecond);
    pods.push_back(std::move(pod));
    return pods.back();
  }
  void add_ending(const std::string& node, const std::string& of_hash) {
    *add(node, of_hash).mutable_metadata()->mutable_deletion_timestamp() = to_time(kNow);
  }
  View view() {
    seats = seat_pods(nodes, pods, Placement(set));
    return {.set = set, .hash = hash, .now_ns = kNow};
  }
  static std::vector<std::string> names(const std::vector<const Pod*>& pods) {
    std::vector<std::string> out;
    for (const auto* pod : pods) out.push_back(pod->metadata().name());
    std::sort(out.begin(), out.end());
    return out;
  }
};

}  // namespace gantry::daemonset::testing
