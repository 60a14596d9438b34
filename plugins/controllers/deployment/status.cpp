#include "status.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

namespace gantry::deployment {
namespace {

// Unknown as long as one set does not say it.
std::optional<int32_t> terminating(const Sets& sets) {
  int32_t total = 0;
  for (const auto* set : sets) {
    if (!set->status().has_terminating_replicas()) return std::nullopt;
    total += set->status().terminating_replicas();
  }
  return total;
}

const appsv1::ReplicaSetCondition* failure_of(const ReplicaSet& set) {
  return sdk::find_condition(set.status().conditions(), kReplicaFailure);
}

// The new set's failure first: it is what the rollout waits for.
const appsv1::ReplicaSetCondition* failure_of(const Sets& all, const ReplicaSet* fresh) {
  if (fresh != nullptr) {
    if (const auto* failure = failure_of(*fresh)) return failure;
  }
  for (const auto* set : all) {
    if (const auto* failure = failure_of(*set)) return failure;
  }
  return nullptr;
}

void set_failure(DeploymentStatus& status, const appsv1::ReplicaSetCondition* failure) {
  if (failure == nullptr) {
    sdk::remove_condition(*status.mutable_conditions(), kReplicaFailure);
    return;
  }
  auto condition = make_condition(kReplicaFailure, failure->status(), failure->reason(), failure->message(), 0);
  *condition.mutable_last_update_time() = failure->last_transition_time();
  *condition.mutable_last_transition_time() = failure->last_transition_time();
  set_condition(status, std::move(condition));
}

// Unlike other conditions this one is renewed with the same reason: its update time is the time of the last progress.
void set_progressing(DeploymentStatus& status, DeploymentCondition condition) {
  if (const auto* current = sdk::find_condition(status.conditions(), kProgressing)) {
    if (current->status() == "True") *condition.mutable_last_transition_time() = current->last_transition_time();
    sdk::remove_condition(*status.mutable_conditions(), kProgressing);
  }
  set_condition(status, std::move(condition));
}

void judge_progress(DeploymentStatus& status, const Deployment& deployment, const ReplicaSet* fresh, int64_t now_ns) {
  const std::string who = fresh != nullptr ? "ReplicaSet \"" + fresh->metadata().name() + "\""
                                           : "Deployment \"" + deployment.metadata().name() + "\"";
  if (is_complete(deployment, status)) {
    set_condition(status,
                  make_condition(kProgressing, "True", kSetAvailable, who + " has successfully progressed.", now_ns));
  } else if (has_progressed(deployment.status(), status)) {
    set_progressing(status, make_condition(kProgressing, "True", kSetUpdated, who + " is progressing.", now_ns));
  } else if (has_timed_out(deployment, status, now_ns)) {
    set_condition(status,
                  make_condition(kProgressing, "False", kTimedOut, who + " has timed out progressing.", now_ns));
  }
}

bool same_condition(const DeploymentCondition& a, const DeploymentCondition& b) {
  return a.type() == b.type() && a.status() == b.status() && a.reason() == b.reason() && a.message() == b.message() &&
         a.last_update_time().seconds() == b.last_update_time().seconds() &&
         a.last_transition_time().seconds() == b.last_transition_time().seconds();
}

}  // namespace

bool has_progress_deadline(const Deployment& deployment) {
  return deployment.spec().has_progress_deadline_seconds() &&
         deployment.spec().progress_deadline_seconds() != std::numeric_limits<int32_t>::max();
}

bool has_history_limit(const Deployment& deployment) {
  return deployment.spec().has_revision_history_limit() &&
         deployment.spec().revision_history_limit() != std::numeric_limits<int32_t>::max();
}

DeploymentStatus counted_status(const Deployment& deployment, const Limits& limits, const Sets& all,
                                const ReplicaSet* fresh, int64_t now_ns) {
  DeploymentStatus status;
  *status.mutable_conditions() = deployment.status().conditions();
  status.set_observed_generation(deployment.metadata().generation());
  status.set_replicas(existing(all));
  status.set_updated_replicas(fresh == nullptr ? 0 : fresh->status().replicas());
  status.set_ready_replicas(ready(all));
  status.set_available_replicas(available(all));
  // Right after a set shrinks, more pods are available than are wanted.
  status.set_unavailable_replicas(std::max(0, wanted(all) - available(all)));
  if (const auto count = terminating(all)) status.set_terminating_replicas(*count);
  if (deployment.status().has_collision_count()) status.set_collision_count(deployment.status().collision_count());
  const bool enough = status.available_replicas() >= deployment.spec().replicas() - limits.unavailable;
  set_condition(status, enough ? make_condition(kAvailable, "True", kEnoughAvailable,
                                                "Deployment has minimum availability.", now_ns)
                               : make_condition(kAvailable, "False", kTooFewAvailable,
                                                "Deployment does not have minimum availability.", now_ns));
  return status;
}

DeploymentStatus rollout_status(const Deployment& deployment, const Limits& limits, const Sets& all,
                                const ReplicaSet* fresh, int64_t now_ns) {
  auto status = counted_status(deployment, limits, all, fresh, now_ns);
  if (!has_progress_deadline(deployment)) sdk::remove_condition(*status.mutable_conditions(), kProgressing);
  const auto* current = sdk::find_condition(deployment.status().conditions(), kProgressing);
  // After completion there is nothing to progress, until a new template starts the next rollout.
  const bool completed =
      status.replicas() == status.updated_replicas() && current != nullptr && current->reason() == kSetAvailable;
  if (has_progress_deadline(deployment) && !completed) judge_progress(status, deployment, fresh, now_ns);
  set_failure(status, failure_of(all, fresh));
  return status;
}

bool same_status(const DeploymentStatus& a, const DeploymentStatus& b) {
  return a.observed_generation() == b.observed_generation() && a.replicas() == b.replicas() &&
         a.updated_replicas() == b.updated_replicas() && a.ready_replicas() == b.ready_replicas() &&
         a.available_replicas() == b.available_replicas() && a.unavailable_replicas() == b.unavailable_replicas() &&
         a.has_terminating_replicas() == b.has_terminating_replicas() &&
         a.terminating_replicas() == b.terminating_replicas() && a.collision_count() == b.collision_count() &&
         std::equal(a.conditions().begin(), a.conditions().end(), b.conditions().begin(), b.conditions().end(),
                    same_condition);
}

bool is_complete(const Deployment& deployment, const DeploymentStatus& status) {
  const int32_t replicas = deployment.spec().replicas();
  return status.updated_replicas() == replicas && status.replicas() == replicas &&
         status.available_replicas() == replicas && status.observed_generation() >= deployment.metadata().generation();
}

bool has_progressed(const DeploymentStatus& before, const DeploymentStatus& now) {
  return now.updated_replicas() > before.updated_replicas() ||
         now.replicas() - now.updated_replicas() < before.replicas() - before.updated_replicas() ||
         now.ready_replicas() > before.ready_replicas() || now.available_replicas() > before.available_replicas();
}

bool has_timed_out(const Deployment& deployment, const DeploymentStatus& status, int64_t now_ns) {
  const auto* condition = sdk::find_condition(status.conditions(), kProgressing);
  if (!has_progress_deadline(deployment) || condition == nullptr || condition->reason() == kSetAvailable) return false;
  if (condition->reason() == kTimedOut) return true;
  return to_ns(condition->last_update_time()) + deployment.spec().progress_deadline_seconds() * kNanosPerSecond <
         now_ns;
}

int64_t next_progress_check_ms(const Deployment& deployment, int64_t now_ns) {
  const auto* condition = sdk::find_condition(deployment.status().conditions(), kProgressing);
  // What has completed once has no deadline any more, also when it loses pods later.
  if (!has_progress_deadline(deployment) || condition == nullptr || condition->reason() == kTimedOut ||
      condition->reason() == kSetAvailable || is_complete(deployment, deployment.status())) {
    return 0;
  }
  const int64_t deadline =
      to_ns(condition->last_update_time()) + deployment.spec().progress_deadline_seconds() * kNanosPerSecond;
  // A little later, for a deadline counts as passed only behind it.
  return std::max<int64_t>(0, deadline - now_ns) / 1'000'000 + 10;
}

}  // namespace gantry::deployment
