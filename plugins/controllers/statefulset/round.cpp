#include "round.hpp"

#include <algorithm>
#include <utility>

#include "gantry/batches.hpp"
#include "gantry/pod_control.hpp"
#include "gantry/pods.hpp"
#include "status.hpp"

namespace gantry::statefulset {
namespace {

constexpr size_t kFirstBatch = 1;

}  // namespace

Status Round::run() {
  int32_t collisions = set_.status().collision_count();
  auto history = History::open(host_, set_, collisions);
  if (!history) {
    if (collisions == set_.status().collision_count()) return std::move(history).error();
    auto status = set_.status();
    status.set_collision_count(collisions);
    writes_.status(std::move(status));
    (void)send();
    return std::move(history).error();
  }
  history_ = &*history;
  const Scene scene(set_, pods_, history->current(), history->update(), host_.now_unix_ns());
  Status done;
  if (!set_.metadata().has_deletion_timestamp()) done = act(scene);
  auto status = next_status(scene, pods_, collisions, replaced_);
  if (!same_status(set_.status(), status)) writes_.status(std::move(status));
  history->add_truncation(set_, pods_, writes_);
  auto sent = send();
  if (done.ok()) done = std::move(sent);
  requeue_after_ms_ = sdk::next_availability_ms(pods_, set_.spec().min_ready_seconds(), scene.now_ns);
  return done;
}

// What is left in writes_ goes out with the status.
Status Round::act(const Scene& scene) {
  bool wait = false;
  if (auto status = keep_replicas(scene, wait); !status.ok() || wait) return status;
  for (const auto& member : scene.condemned) claims_.add_owners(member, writes_);
  if (auto status = send(); !status.ok()) return status;
  const auto condemned = plan_condemned(scene);
  for (const auto* pod : condemned.pods) writes_.remove(*pod);
  if (condemned.wait) return {};
  auto outdated = plan_update(scene);
  if (!outdated) return std::move(outdated).error();
  replaced_ = std::move(*outdated);
  for (const auto* pod : replaced_) writes_.remove(*pod);
  return {};
}

Status Round::keep_replicas(const Scene& scene, bool& wait) {
  const auto plan = plan_replicas(scene, scene.in_order() ? 1 : most_);
  wait = plan.wait;
  if (auto status = settle(scene, plan); !status.ok()) return status;
  return make(scene, plan.missing);
}

// Pods that are there: their claims, owners, labels and volumes; those that are over go.
Status Round::settle(const Scene& scene, const Replicas& plan) {
  std::vector<int64_t> pending;
  if (!claims_.none()) {
    for (const auto& member : plan.pending) pending.push_back(member.ordinal);
  }
  if (auto status = sdk::first_failure(claims_.make(pending)); !status.ok()) return status;
  for (const auto& member : plan.pending) claims_.add_owners(member, writes_);
  std::vector<const Pod*> changed_claims;
  for (const auto& member : plan.settled) {
    const Pod& pod = *member.pod;
    const bool is_pending = pod.status().phase() == "Pending";
    if (!is_pending && claims_.add_owners(member, writes_)) changed_claims.push_back(&pod);
    if (identity_matches(set_, pod, member.ordinal) && storage_matches(set_, pod, member.ordinal)) continue;
    Pod repaired = pod;
    repair(set_, repaired, member.ordinal);
    writes_.update(repaired);
  }
  // In order, this pod is the last that is looked at, and nothing waits for the answer but the status.
  for (const auto* pod : plan.over) writes_.remove(*pod);
  if (scene.in_order() && !plan.over.empty()) return {};
  const auto status = send();
  for (const auto* pod : changed_claims) {
    if (status.ok()) writes_.tell("update", pod->metadata().name(), {});
  }
  return status;
}

// In order there is one, which goes out with the status. Else all in growing batches, each of which waits for the one
// before: where nothing is allowed, little was asked for.
Status Round::make(const Scene& scene, const std::vector<int64_t>& ordinals) {
  std::vector<int64_t> free;
  std::copy_if(ordinals.begin(), ordinals.end(), std::back_inserter(free),
               [&](int64_t ordinal) { return !claims_.is_stale(ordinal); });
  if (scene.in_order()) return sdk::first_failure(add_pods(free));
  return sdk::slow_start(free.size(), kFirstBatch, [&](size_t begin, size_t count) {
    const auto first = free.begin() + static_cast<std::ptrdiff_t>(begin);
    auto outcomes = add_pods({first, first + static_cast<std::ptrdiff_t>(count)});
    auto sent = writes_.send();
    outcomes.insert(outcomes.end(), std::make_move_iterator(sent.begin()), std::make_move_iterator(sent.end()));
    return outcomes;
  });
}

// Makes the claims, and adds the pods that have theirs. What was not added is among the outcomes.
std::vector<Status> Round::add_pods(const std::vector<int64_t>& ordinals) {
  auto outcomes = claims_.make(ordinals);
  for (size_t i = 0; i < ordinals.size(); ++i) {
    if (outcomes[i].ok()) outcomes[i] = add_pod(ordinals[i]);
    if (!outcomes[i].ok()) writes_.tell("create", pod_name(set_, ordinals[i]), outcomes[i]);
  }
  return outcomes;
}

Status Round::add_pod(int64_t ordinal) {
  if (!made_from_current(set_, ordinal)) {
    writes_.create(new_pod(set_, history_->update_template(), history_->update(), ordinal));
    return {};
  }
  const auto from = history_->current_template();
  if (!from) return from.error();
  writes_.create(new_pod(set_, **from, history_->current(), ordinal));
  return {};
}

Status Round::send() { return sdk::first_failure(writes_.send()); }

}  // namespace gantry::statefulset
