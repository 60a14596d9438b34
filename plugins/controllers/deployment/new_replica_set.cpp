// The set of a Deployment's current template: found, brought up to date, or made. [worker]
#include "annotations.hpp"
#include "gantry/ownership.hpp"
#include "gantry/refusals.hpp"
#include "gantry/template_hash.hpp"
#include "rollout.hpp"
#include "status.hpp"

namespace gantry::deployment {
namespace {

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

}  // namespace

Status Rollout::find_sets() {
  Sets every;
  for (auto& set : sets_) every.push_back(&set);
  fresh_ = find_new(deployment_, every);
  old_.clear();
  for (auto* set : every) {
    if (set != fresh_) old_.push_back(set);
  }
  return fresh_ == nullptr ? Status() : refresh_new_set(max_revision(old_) + 1);
}

Status Rollout::refresh_new_set(int64_t revision) {
  ReplicaSet changed = *fresh_;
  const bool annotated = annotate_new_set(deployment_, changed, revision);
  const int32_t min_ready = deployment_.spec().min_ready_seconds();
  if (annotated || changed.spec().min_ready_seconds() != min_ready) {
    changed.mutable_spec()->set_min_ready_seconds(min_ready);
    auto updated = host_.update(changed);
    if (!updated) return std::move(updated).error();
    *fresh_ = std::move(*updated);
  }
  const auto& annotations = fresh_->metadata().annotations();
  const auto it = annotations.find(kRevision);
  bool write = it != annotations.end() && set_revision(deployment_, it->second);
  if (has_progress_deadline(deployment_) &&
      sdk::find_condition(deployment_.status().conditions(), kProgressing) == nullptr) {
    set_condition(*deployment_.mutable_status(),
                  make_condition(kProgressing, "True", kSetFound,
                                 "Found new replica set " + quoted(fresh_->metadata().name()), host_.now_unix_ns()));
    write = true;
  }
  return write ? write_status() : Status();
}

ReplicaSet Rollout::make_new_set(const std::string& hash, int64_t revision) const {
  ReplicaSet set;
  auto& spec = *set.mutable_spec();
  spec.set_replicas(0);
  spec.set_min_ready_seconds(deployment_.spec().min_ready_seconds());
  *spec.mutable_template_() = deployment_.spec().template_();
  (*spec.mutable_template_()->mutable_metadata()->mutable_labels())[kHashLabel] = hash;
  *spec.mutable_selector() = deployment_.spec().selector();
  (*spec.mutable_selector()->mutable_match_labels())[kHashLabel] = hash;
  auto& meta = *set.mutable_metadata();
  meta.set_name(sdk::hashed_name(deployment_.metadata().name(), hash));
  meta.set_namespace_(deployment_.metadata().namespace_());
  *meta.mutable_labels() = spec.template_().metadata().labels();
  *meta.add_owner_references() = sdk::controller_reference(deployment_.metadata(), kApiVersion, kKind);
  Sets every = old_;
  every.push_back(&set);
  spec.set_replicas(new_set_size(deployment_, limits_, set, every));
  annotate_new_set(deployment_, set, revision);
  annotate_size(set, deployment_.spec().replicas(), deployment_.spec().replicas() + limits_.surge);
  return set;
}

Status Rollout::create_new_set() {
  const auto& status = deployment_.status();
  const auto collisions = status.has_collision_count() ? std::optional(status.collision_count()) : std::nullopt;
  const auto hash = sdk::template_hash(deployment_.spec().template_(), collisions);
  const int64_t revision = max_revision(old_) + 1;
  const auto wanted_set = make_new_set(hash, revision);
  auto created = host_.create(deployment_.metadata().namespace_(), wanted_set);
  if (created) return accept_new_set(std::move(*created), true, revision);
  const Status& why = created.error();
  const std::string& name = wanted_set.metadata().name();
  if (why.reason() == "AlreadyExists") return name_is_taken(name, revision, why);
  if (sdk::is_namespace_ending(why)) return why;
  const std::string message = "Failed to create new replica set " + quoted(name) + ": " + why.message();
  if (has_progress_deadline(deployment_)) {
    set_condition(*deployment_.mutable_status(),
                  make_condition(kProgressing, "False", kSetCreateError, message, host_.now_unix_ns()));
    (void)write_status();  // the creation's error is the one to return
  }
  event("Warning", kSetCreateError, message);
  return why;
}

// Ours, when an earlier run made it and the cache does not show it yet; otherwise two templates have one hash.
Status Rollout::name_is_taken(const std::string& name, int64_t revision, const Status& why) {
  auto other = host_.get_object<ReplicaSet>(deployment_.metadata().namespace_(), name);
  if (!other) return std::move(other).error();
  const auto* owner = sdk::controller_of(other->metadata());
  if (owner != nullptr && owner->uid() == deployment_.metadata().uid() &&
      same_template(other->spec().template_(), deployment_.spec().template_())) {
    return accept_new_set(std::move(*other), false, revision);
  }
  auto& status = *deployment_.mutable_status();
  status.set_collision_count(status.collision_count() + 1);
  (void)write_status();  // the next run tries another name
  return why;
}

Status Rollout::accept_new_set(ReplicaSet created, bool made_now, int64_t revision) {
  const std::string name = created.metadata().name();
  const int32_t size = created.spec().replicas();
  sets_.push_back(std::move(created));
  fresh_ = &sets_.back();
  if (made_now && size > 0) {
    event("Normal", "ScalingReplicaSet", "Scaled up replica set " + name + " from 0 to " + std::to_string(size));
  }
  bool write = set_revision(deployment_, std::to_string(revision));
  if (made_now && has_progress_deadline(deployment_)) {
    set_condition(*deployment_.mutable_status(),
                  make_condition(kProgressing, "True", kSetCreated, "Created new replica set " + quoted(name),
                                 host_.now_unix_ns()));
    write = true;
  }
  return write ? write_status() : Status();
}

}  // namespace gantry::deployment
