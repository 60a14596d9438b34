#include "controller.hpp"

#include "gantry/claims.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "rollout.hpp"

namespace gantry::deployment {
namespace {

bool is_of(const metav1::OwnerReference* owner, std::string_view kind) { return sdk::is_of_kind(owner, "apps", kind); }

}  // namespace

Status DeploymentController::configure() {
  auto workers = host().config_int("workers", workers_);
  if (!workers) return std::move(workers).error();
  if (*workers < 1) return Status::invalid("workers must be at least 1");
  workers_ = *workers;
  return {};
}

abi::ControllerSpec DeploymentController::spec() const {
  auto spec = watching<Deployment>("deployment");
  owned<ReplicaSet>(spec, "apps", kKind, {Deployment::kSpecFieldNumber, appsv1::DeploymentSpec::kSelectorFieldNumber});
  watch<corev1::Pod>(spec, abi::WatchSpec::CUSTOM).add_interests(abi::WatchSpec::GONE);
  spec.set_workers(static_cast<int32_t>(workers_));
  spec.set_wait_own_writes(true);
  return spec;
}

// With Recreate, the end of the last old pod is what the new set waits for.
void DeploymentController::map(const abi::ObjectEvent& event, const Emit& emit) {
  const auto pod = sdk::metadata_of(event.object()).value_or(metav1::ObjectMeta());
  const auto* owner = sdk::controller_of(pod);
  if (!is_of(owner, "ReplicaSet")) return;
  const auto set = host().cached<ReplicaSet>(pod.namespace_(), owner->name());
  if (!set || set->metadata().uid() != owner->uid()) return;
  const auto* above = sdk::controller_of(set->metadata());
  if (!is_of(above, kKind)) return;
  const auto deployment = host().cached<Deployment>(pod.namespace_(), above->name());
  if (deployment && deployment->spec().strategy().type() == "Recreate") emit(pod.namespace_(), above->name());
}

Expected<DeploymentController::Result> DeploymentController::reconcile(const Key& key) {
  auto deployment = host().cached<Deployment>(key.ns, key.name);
  if (!deployment) return Result{};
  if (sdk::is_empty(deployment->spec().selector())) {
    if (auto status = refuse_everything(std::move(*deployment)); !status.ok()) return status;
    return Result{};
  }
  const auto limits = limits_of(*deployment);
  if (!limits) return limits.error();
  auto sets = claim_sets(*deployment);
  if (!sets) return std::move(sets).error();
  Rollout rollout(host(), std::move(*deployment), std::move(*sets), *limits);
  if (auto status = rollout.run(); !status.ok()) return status;
  return Result{rollout.requeue_after_ms()};
}

Status DeploymentController::refuse_everything(Deployment deployment) const {
  host().event(deployment, kApiVersion, kKind, "Warning", "SelectingAll",
               "This deployment is selecting all pods. A non-empty selector is required.");
  if (deployment.status().observed_generation() >= deployment.metadata().generation()) return {};
  deployment.mutable_status()->set_observed_generation(deployment.metadata().generation());
  const auto written = host().update(deployment, "status");
  return written ? Status() : written.error();
}

Expected<std::deque<ReplicaSet>> DeploymentController::claim_sets(const Deployment& deployment) const {
  const auto& selector = deployment.spec().selector();
  auto found = sdk::claim_candidates<ReplicaSet>(host(), deployment.metadata(), selector);
  if (!found) return std::move(found).error();
  auto claimed = sdk::claim(host(), deployment, sdk::controller_reference(deployment.metadata(), kApiVersion, kKind),
                            selector, std::move(*found));
  if (!claimed) return std::move(claimed).error();
  return std::deque<ReplicaSet>(std::make_move_iterator(claimed->begin()), std::make_move_iterator(claimed->end()));
}

}  // namespace gantry::deployment
