// Sets and pods for this folder's tests.
#pragma once

#include <string>
#include <vector>

#include "gantry/times.hpp"
#include "plan.hpp"

namespace gantry::statefulset {

inline constexpr int64_t kNow = 5'000 * kNanosPerSecond;
inline constexpr char kOld[] = "web-old";
inline constexpr char kNew[] = "web-new";

inline StatefulSet set_of(int32_t replicas, const std::string& policy = "OrderedReady") {
  StatefulSet set;
  set.mutable_metadata()->set_name("web");
  set.mutable_metadata()->set_namespace_("shop");
  set.mutable_metadata()->set_uid("uid-web");
  set.mutable_metadata()->set_generation(3);
  auto& spec = *set.mutable_spec();
  spec.set_replicas(replicas);
  spec.set_service_name("webs");
  spec.set_pod_management_policy(policy);
  spec.set_revision_history_limit(10);
  (*spec.mutable_selector()->mutable_match_labels())["app"] = "web";
  (*spec.mutable_template_()->mutable_metadata()->mutable_labels())["app"] = "web";
  auto& container = *spec.mutable_template_()->mutable_spec()->add_containers();
  container.set_name("main");
  container.set_image("web:1");
  spec.mutable_update_strategy()->set_type("RollingUpdate");
  spec.mutable_update_strategy()->mutable_rolling_update()->set_partition(0);
  return set;
}

inline void add_claim(StatefulSet& set, const std::string& name) {
  set.mutable_spec()->add_volume_claim_templates()->mutable_metadata()->set_name(name);
}

enum class State : uint8_t { kReady, kUnready, kPending, kFailed, kSucceeded };

inline Pod pod_of(const StatefulSet& set, int64_t ordinal, State state = State::kReady,
                  const std::string& revision = kNew) {
  Pod pod = new_pod(set, set.spec().template_(), revision, ordinal);
  pod.mutable_metadata()->set_uid("uid-" + pod.metadata().name());
  auto& status = *pod.mutable_status();
  status.set_phase(state == State::kPending     ? "Pending"
                   : state == State::kFailed    ? "Failed"
                   : state == State::kSucceeded ? "Succeeded"
                                                : "Running");
  auto& ready = *status.add_conditions();
  ready.set_type("Ready");
  ready.set_status(state == State::kReady ? "True" : "False");
  *ready.mutable_last_transition_time() = to_time(kNow - 100 * kNanosPerSecond);
  return pod;
}

inline Pod going(Pod pod) {
  pod.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  return pod;
}

inline std::vector<std::string> names_of(const std::vector<const Pod*>& pods) {
  std::vector<std::string> names;
  for (const auto* pod : pods) names.push_back(pod->metadata().name());
  return names;
}

}  // namespace gantry::statefulset
