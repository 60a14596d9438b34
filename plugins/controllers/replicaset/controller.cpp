#include "controller.hpp"

#include <algorithm>
#include <set>

#include "gantry/batches.hpp"
#include "gantry/claims.hpp"
#include "gantry/pod_control.hpp"
#include "gantry/pod_ranking.hpp"
#include "gantry/pod_template.hpp"
#include "gantry/pods.hpp"
#include "gantry/writes.hpp"
#include "status.hpp"

namespace gantry::replicaset {
namespace {

constexpr char kApiVersion[] = "apps/v1";
constexpr char kKind[] = "ReplicaSet";

bool is_ours(const metav1::OwnerReference* owner) { return sdk::is_of_kind(owner, "apps", kKind); }

}  // namespace

Status ReplicaSetController::configure() {
  auto workers = host().config_int("workers", workers_);
  if (!workers) return std::move(workers).error();
  auto burst = host().config_int("burst_replicas", burst_);
  if (!burst) return std::move(burst).error();
  if (*workers < 1 || *burst < 1) return Status::invalid("workers and burst_replicas must be at least 1");
  workers_ = *workers;
  burst_ = *burst;
  return {};
}

abi::ControllerSpec ReplicaSetController::spec() const {
  auto spec = watching<appsv1::ReplicaSet>("replicaset");
  watch<corev1::Pod>(spec, abi::WatchSpec::CUSTOM);
  spec.set_workers(static_cast<int32_t>(workers_));
  spec.set_wait_own_writes(true);
  return spec;
}

// A pod concerns its set, the set it had before, or, without one, every set that might adopt it.
void ReplicaSetController::map(const abi::ObjectEvent& event, const Emit& emit) {
  const auto now = sdk::metadata_of(event.object()).value_or(metav1::ObjectMeta());
  const auto* owner = sdk::controller_of(now);
  if (is_ours(owner)) emit(now.namespace_(), owner->name());
  const auto before = sdk::metadata_of(event.previous()).value_or(metav1::ObjectMeta());
  const auto* last = sdk::controller_of(before);
  const bool moved = last != nullptr && (owner == nullptr || owner->uid() != last->uid());
  if (moved && is_ours(last)) emit(now.namespace_(), last->name());
  if (owner != nullptr || event.type() == abi::ObjectEvent::DELETED) return;
  if (event.type() == abi::ObjectEvent::ADDED || moved || !sdk::same_labels(now.labels(), before.labels())) {
    emit_matching(now, emit);
  }
}

void ReplicaSetController::emit_matching(const metav1::ObjectMeta& orphan, const Emit& emit) const {
  if (orphan.labels().empty()) return;
  const auto sets = host().cached_list<appsv1::ReplicaSet>(orphan.namespace_());
  if (!sets) return;
  for (const auto& set : *sets) {
    if (!sdk::is_empty(set.spec().selector()) && sdk::selector_matches(set.spec().selector(), orphan.labels())) {
      emit(set.metadata().namespace_(), set.metadata().name());
    }
  }
}

Expected<ReplicaSetController::Result> ReplicaSetController::reconcile(const Key& key) {
  auto set = host().cached<appsv1::ReplicaSet>(key.ns, key.name);
  if (!set) return Result{};
  auto pods = claim_pods(*set);
  if (!pods) return std::move(pods).error();
  Status managed;
  if (!set->metadata().has_deletion_timestamp()) managed = manage(*set, pods->active);
  const int64_t now = host().now_unix_ns();
  auto status = next_status(*set, {pods->active, pods->terminating, managed, now});
  const bool some_wait = status.ready_replicas() != status.available_replicas();
  const int32_t min_ready = set->spec().min_ready_seconds();
  if (!same_status(set->status(), status)) {
    auto written = sdk::write_status(host(), std::move(*set), std::move(status));
    if (!written.ok()) return written;
  }
  if (!managed.ok()) return managed;
  return Result{some_wait ? sdk::next_availability_ms(pods->active, min_ready, now) : 0};
}

Expected<ReplicaSetController::Pods> ReplicaSetController::claim_pods(const appsv1::ReplicaSet& set) const {
  const auto& selector = set.spec().selector();
  auto all = sdk::claim_candidates<corev1::Pod>(host(), set.metadata(), selector);
  if (!all) return std::move(all).error();
  Pods pods;
  std::vector<corev1::Pod> active;
  for (auto& pod : *all) {
    if (sdk::is_active(pod)) {
      active.push_back(std::move(pod));
    } else if (sdk::is_terminating(pod) && sdk::controller_of(pod.metadata()) != nullptr &&
               sdk::selector_matches(selector, pod.metadata().labels())) {
      ++pods.terminating;
    }
  }
  auto claimed = sdk::claim(host(), set, sdk::controller_reference(set.metadata(), kApiVersion, kKind), selector,
                            std::move(active));
  if (!claimed) return std::move(claimed).error();
  pods.active = std::move(*claimed);
  return pods;
}

Status ReplicaSetController::manage(const appsv1::ReplicaSet& set, const std::vector<corev1::Pod>& active) const {
  const int64_t missing = set.spec().replicas() - static_cast<int64_t>(active.size());
  if (missing > 0) return create_pods(set, static_cast<size_t>(std::min(missing, burst_)));
  if (missing < 0) return delete_pods(set, active, static_cast<size_t>(std::min(-missing, burst_)));
  return {};
}

Status ReplicaSetController::create_pods(const appsv1::ReplicaSet& set, size_t count) const {
  const auto pod = sdk::pod_from_template(set.spec().template_(), set.metadata(),
                                          sdk::controller_reference(set.metadata(), kApiVersion, kKind));
  if (pod.metadata().labels().empty()) return Status::invalid("unable to create pods, no labels");
  const sdk::PodControl control(host(), set.metadata(), kApiVersion, kKind);
  return sdk::slow_start(count, 1, [&](size_t, size_t batch) { return control.create(pod, batch); });
}

Status ReplicaSetController::delete_pods(const appsv1::ReplicaSet& set, const std::vector<corev1::Pod>& active,
                                         size_t count) const {
  const auto related = count < active.size() ? related_pods(set) : std::vector<corev1::Pod>();
  const auto doomed = sdk::pods_to_delete(active, related, count, host().now_unix_ns());
  auto failure = sdk::first_failure(sdk::PodControl(host(), set.metadata(), kApiVersion, kKind).remove(doomed));
  return failure.ok() ? failure : std::move(failure).in("unable to delete pods");
}

// The pods of every set that the same owner (a Deployment) has, this one included.
std::vector<corev1::Pod> ReplicaSetController::related_pods(const appsv1::ReplicaSet& set) const {
  std::vector<corev1::Pod> pods;
  const auto* owner = sdk::controller_of(set.metadata());
  if (owner == nullptr) return pods;
  std::set<std::string> seen;
  for (const auto& sibling : host().cached_by_owner<appsv1::ReplicaSet>(owner->uid())) {
    auto found =
        host().cached_list<corev1::Pod>(sibling.metadata().namespace_(), sdk::selector_text(sibling.spec().selector()));
    if (!found) continue;
    for (auto& pod : *found) {
      if (seen.insert(pod.metadata().uid()).second) pods.push_back(std::move(pod));
    }
  }
  return pods;
}

}  // namespace gantry::replicaset
