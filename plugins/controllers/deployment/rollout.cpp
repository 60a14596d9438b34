// The strategies, scaling, cleaning up, and writing what was done. [worker]
#include "rollout.hpp"

#include "annotations.hpp"
#include "gantry/pods.hpp"
#include "gantry/refusals.hpp"
#include "status.hpp"

namespace gantry::deployment {

Status Rollout::run() {
  if (deployment_.metadata().has_deletion_timestamp()) {
    auto status = find_sets();
    return status.ok() ? write_counts() : status;
  }
  if (auto status = note_pause(); !status.ok()) return status;
  if (auto status = find_sets(); !status.ok()) return status;
  if (deployment_.spec().paused() || was_scaled()) {
    if (auto status = follow_size(); !status.ok()) return status;
    if (deployment_.spec().paused()) {
      if (auto status = clean_up(); !status.ok()) return status;
    }
    return write_counts();
  }
  const std::string& type = deployment_.spec().strategy().type();
  if (type == "RollingUpdate") return roll();
  if (type == "Recreate") return recreate();
  return Status::invalid("unexpected deployment strategy type: " + type);
}

// A deadline that has passed is not covered up by pausing.
Status Rollout::note_pause() {
  if (!has_progress_deadline(deployment_)) return {};
  const auto* condition = sdk::find_condition(deployment_.status().conditions(), kProgressing);
  const std::string reason = condition == nullptr ? "" : condition->reason();
  const bool paused = deployment_.spec().paused();
  if (reason == kTimedOut || paused == (reason == kPaused)) return {};
  set_condition(*deployment_.mutable_status(),
                make_condition(kProgressing, "Unknown", paused ? kPaused : kResumed,
                               paused ? "Deployment is paused" : "Deployment is resumed", host_.now_unix_ns()));
  return write_status();
}

// Each set carries the size for which it was last scaled.
bool Rollout::was_scaled() const {
  for (const auto* set : active(all())) {
    const auto desired = count_annotation(*set, kDesiredReplicas);
    if (desired && *desired != deployment_.spec().replicas()) return true;
  }
  return false;
}

Status Rollout::follow_size() {
  const int32_t replicas = deployment_.spec().replicas();
  if (auto* only = active_or_latest(fresh_, old_)) return resize(*only, replicas);
  if (is_saturated(deployment_, fresh_)) {
    Sizes none;
    for (auto* set : active(old_)) none.emplace_back(set, 0);
    return apply(none);
  }
  if (deployment_.spec().strategy().type() != "RollingUpdate") return {};
  for (const auto& [set, size] : proportional_sizes(deployment_, limits_, active(all()))) {
    if (auto status = resize(*set, size, true); !status.ok()) return status;
  }
  return {};
}

Status Rollout::roll() {
  if (fresh_ == nullptr) {
    if (auto status = create_new_set(); !status.ok()) return status;
  }
  bool changed = false;
  if (auto status = grow_new_set(changed); !status.ok()) return status;
  if (!changed) {
    if (auto status = shrink_old_sets(changed); !status.ok()) return status;
  }
  if (!changed && is_complete(deployment_, deployment_.status())) {
    if (auto status = clean_up(); !status.ok()) return status;
  }
  return write_rollout_status();
}

Status Rollout::grow_new_set(bool& changed) {
  const int32_t replicas = deployment_.spec().replicas(), size = fresh_->spec().replicas();
  const int32_t next = size >= replicas ? replicas : new_set_size(deployment_, limits_, *fresh_, all());
  changed = next != size;
  return resize(*fresh_, next);
}

Status Rollout::shrink_old_sets(bool& changed) {
  const Sets old = active(old_);
  if (old.empty()) return {};
  const int32_t most = most_to_shrink(deployment_, limits_, *fresh_, all());
  if (most <= 0) return {};
  // Pods that do not work first: they are missed by nobody, and might block the rollout for ever.
  const Sizes unhealthy = shrink_unhealthy(old, most);
  if (auto status = apply(unhealthy); !status.ok()) return status;
  Sets counted = old;
  counted.push_back(fresh_);
  const Sizes healthy = shrink_healthy(old, available_to_spare(deployment_, limits_, counted));
  changed = !unhealthy.empty() || !healthy.empty();
  return apply(healthy);
}

Status Rollout::recreate() {
  const Sets old = active(old_);
  if (!old.empty()) {
    Sizes none;
    for (auto* set : old) none.emplace_back(set, 0);
    if (auto status = apply(none); !status.ok()) return status;
    return write_rollout_status();
  }
  if (old_pods_remain()) return write_rollout_status();
  if (fresh_ == nullptr) {
    if (auto status = create_new_set(); !status.ok()) return status;
  }
  if (auto status = resize(*fresh_, deployment_.spec().replicas()); !status.ok()) return status;
  if (is_complete(deployment_, deployment_.status())) {
    if (auto status = clean_up(); !status.ok()) return status;
  }
  return write_rollout_status();
}

bool Rollout::old_pods_remain() const {
  if (existing(old_) > 0) return true;
  for (const auto* set : old_) {
    for (const auto& pod : host_.cached_by_owner<corev1::Pod>(set->metadata().uid())) {
      if (!sdk::is_finished(pod)) return true;
    }
  }
  return false;
}

Status Rollout::clean_up() {
  if (!has_history_limit(deployment_)) return {};
  for (const auto* set : beyond_history(old_, deployment_.spec().revision_history_limit())) {
    const auto& meta = set->metadata();
    auto removed = sdk::unless_gone(host_.remove<ReplicaSet>(meta.namespace_(), meta.name()));
    if (!removed.ok()) return removed;
  }
  return {};
}

Status Rollout::apply(const Sizes& sizes) {
  for (const auto& [set, size] : sizes) {
    if (auto status = resize(*set, size); !status.ok()) return status;
  }
  return {};
}

Status Rollout::resize(ReplicaSet& set, int32_t size, bool always) {
  const int32_t before = set.spec().replicas(), replicas = deployment_.spec().replicas();
  if (before == size && !always) return {};
  ReplicaSet changed = set;
  changed.mutable_spec()->set_replicas(size);
  if (!annotate_size(changed, replicas, replicas + limits_.surge) && before == size) return {};
  auto updated = host_.update(changed);
  if (!updated) return std::move(updated).error();
  set = std::move(*updated);
  if (before != size) {
    event("Normal", "ScalingReplicaSet",
          std::string("Scaled ") + (before < size ? "up" : "down") + " replica set " + set.metadata().name() +
              " from " + std::to_string(before) + " to " + std::to_string(size));
  }
  return {};
}

Status Rollout::write_counts() {
  auto status = counted_status(deployment_, limits_, all(), fresh_, host_.now_unix_ns());
  if (same_status(deployment_.status(), status)) return {};
  *deployment_.mutable_status() = std::move(status);
  return write_status();
}

Status Rollout::write_rollout_status() {
  const int64_t now = host_.now_unix_ns();
  auto status = rollout_status(deployment_, limits_, all(), fresh_, now);
  if (!same_status(deployment_.status(), status)) {
    *deployment_.mutable_status() = std::move(status);
    if (auto written = write_status(); !written.ok()) return written;
  }
  requeue_after_ms_ = next_progress_check_ms(deployment_, now);
  return {};
}

Status Rollout::write_status() {
  auto written = host_.update(deployment_, "status");
  if (!written) return std::move(written).error();
  deployment_ = std::move(*written);
  return {};
}

Sets Rollout::all() const {
  Sets every = old_;
  if (fresh_ != nullptr) every.push_back(fresh_);
  return every;
}

void Rollout::event(std::string_view type, std::string_view reason, std::string_view message) const {
  host_.event(deployment_, kApiVersion, kKind, type, reason, message);
}

}  // namespace gantry::deployment
