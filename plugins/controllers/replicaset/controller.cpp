#include "controller.hpp"

#include <algorithm>
#include <iterator>

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
  owned<corev1::Pod>(spec, "apps", kKind,
                     {appsv1::ReplicaSet::kSpecFieldNumber, appsv1::ReplicaSetSpec::kSelectorFieldNumber});
  spec.set_workers(static_cast<int32_t>(workers_));
  spec.set_wait_own_writes(true);
  return spec;
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
  const auto related = count < active.size() ? related_pods(set, active) : std::vector<corev1::Pod>();
  const auto doomed = sdk::pods_to_delete(active, related, count, host().now_unix_ns());
  auto failure = sdk::first_failure(sdk::PodControl(host(), set.metadata(), kApiVersion, kKind).remove(doomed));
  return failure.ok() ? failure : std::move(failure).in("unable to delete pods");
}

// The pods of every set that the same owner (a Deployment) has, this one's included, which are known already.
std::vector<corev1::Pod> ReplicaSetController::related_pods(const appsv1::ReplicaSet& set,
                                                            const std::vector<corev1::Pod>& own) const {
  const auto* owner = sdk::controller_of(set.metadata());
  if (owner == nullptr) return {};
  auto pods = own;
  for (const auto& sibling : host().cached_by_owner<appsv1::ReplicaSet>(owner->uid())) {
    if (sibling.metadata().uid() == set.metadata().uid()) continue;
    auto found = host().cached_by_index<corev1::Pod>("metadata.controller", sibling.metadata().uid());
    if (found) std::move(found->begin(), found->end(), std::back_inserter(pods));
  }
  return pods;
}

}  // namespace gantry::replicaset
