#include "controller.hpp"

#include "expected_pods.hpp"
#include "gantry/ownership.hpp"
#include "gantry/pods.hpp"
#include "gantry/refusals.hpp"
#include "k8s.io/api/apps/v1/deployment.pb.h"
#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/apps/v1/stateful_set.pb.h"
#include "k8s.io/api/core/v1/replication_controller.pb.h"
#include "stale_condition.hpp"
#include "status.hpp"

namespace gantry::disruption {
namespace {

using Budget = policyv1::PodDisruptionBudget;

constexpr std::string_view kPodKey = "pod/";

std::string controller_uid(const corev1::Pod& pod) {
  const auto* controller = sdk::controller_of(pod.metadata());
  return controller == nullptr ? "" : controller->uid();
}

// Whether budgets count the pod differently now.
bool counts_differently(const corev1::Pod& before, const corev1::Pod& now) {
  return sdk::is_ready(before) != sdk::is_ready(now) ||
         before.metadata().has_deletion_timestamp() != now.metadata().has_deletion_timestamp() ||
         before.metadata().uid() != now.metadata().uid() || controller_uid(before) != controller_uid(now) ||
         !sdk::same_labels(before.metadata().labels(), now.metadata().labels());
}

}  // namespace

Status DisruptionController::configure() {
  auto workers = host().config_int("workers", workers_);
  if (!workers) return std::move(workers).error();
  if (*workers < 1) return Status::invalid("workers must be at least 1");
  workers_ = *workers;
  return {};
}

abi::ControllerSpec DisruptionController::spec() const {
  abi::ControllerSpec spec;
  spec.set_name("disruption");
  watch<Budget>(spec, abi::WatchSpec::CUSTOM);
  watch<corev1::Pod>(spec, abi::WatchSpec::CUSTOM);
  watch<appsv1::Deployment>(spec, abi::WatchSpec::CUSTOM);
  watch<appsv1::ReplicaSet>(spec, abi::WatchSpec::CUSTOM);
  watch<appsv1::StatefulSet>(spec, abi::WatchSpec::CUSTOM);
  watch<corev1::ReplicationController>(spec, abi::WatchSpec::CUSTOM);
  spec.set_workers(static_cast<int32_t>(workers_));
  spec.set_wait_own_writes(true);
  return spec;
}

void DisruptionController::map(const abi::ObjectEvent& event, const Emit& emit) {
  const std::string& resource = event.resource();
  if (resource == "pods") return map_pod(event, emit);
  if (resource == "deployments") return map_owner<appsv1::Deployment>(event, emit);
  if (resource == "replicasets") return map_owner<appsv1::ReplicaSet>(event, emit);
  if (resource == "statefulsets") return map_owner<appsv1::StatefulSet>(event, emit);
  if (resource == "replicationcontrollers") return map_owner<corev1::ReplicationController>(event, emit);
  index_.note(event);
  if (const auto meta = sdk::metadata_of(event.object())) emit(meta->namespace_(), meta->name());
}

void DisruptionController::map_pod(const abi::ObjectEvent& event, const Emit& emit) {
  corev1::Pod now, before;
  if (!now.ParseFromString(event.object())) return;
  const bool changed = event.type() == abi::ObjectEvent::MODIFIED && before.ParseFromString(event.previous());
  if (!changed || counts_differently(before, now)) {
    emit_budgets(now, emit);
    // Those that it has left count without it.
    if (changed && !sdk::same_labels(before.metadata().labels(), now.metadata().labels())) emit_budgets(before, emit);
  }
  if (event.type() != abi::ObjectEvent::DELETED && stale_after_ms(now, host().now_unix_ns())) {
    emit(now.metadata().namespace_(), std::string(kPodKey) + now.metadata().name());
  }
}

void DisruptionController::emit_budgets(const corev1::Pod& pod, const Emit& emit) {
  const auto& meta = pod.metadata();
  const auto names = index_.matching(meta.namespace_(), meta.labels());
  for (const auto& name : names) emit(meta.namespace_(), name);
  if (names.size() < 2) return;
  host().event(pod, "v1", "Pod", "Warning", "MultiplePodDisruptionBudgets",
               "Pod \"" + meta.namespace_() + "\"/\"" + meta.name() +
                   "\" matches multiple PodDisruptionBudgets.  Chose \"" + names[0] + "\" arbitrarily.");
}

// Of what is scaled the share of a budget is another one, also before its pods come or go.
template <typename Owner>
void DisruptionController::map_owner(const abi::ObjectEvent& event, const Emit& emit) {
  if (event.type() == abi::ObjectEvent::DELETED) return;
  Owner now, before;
  if (!now.ParseFromString(event.object())) return;
  if (event.type() == abi::ObjectEvent::MODIFIED && before.ParseFromString(event.previous()) &&
      before.spec().replicas() == now.spec().replicas()) {
    return;
  }
  const std::string& ns = now.metadata().namespace_();
  for (const auto& name : index_.matching(ns, now.spec().template_().metadata().labels())) emit(ns, name);
}

Expected<sdk::Controller::Result> DisruptionController::reconcile(const Key& key) {
  if (key.name.starts_with(kPodKey)) return take_back_stale(key.ns, key.name.substr(kPodKey.size()));
  auto budget = host().cached<Budget>(key.ns, key.name);
  if (!budget) return Result{};
  auto counted = count(*budget);
  // Somebody was faster, an eviction perhaps: what the cache has is old, and no reason to forbid all.
  if (counted || counted.error().code() == 409) return counted;
  if (auto written = fail_safe(std::move(*budget), counted.error()); !written.ok()) return written;
  return counted;
}

Expected<sdk::Controller::Result> DisruptionController::count(const Budget& budget) {
  const auto pods = pods_of(budget);
  if (!pods) {
    tell(budget, "Warning", "NoPods", "Failed to get pods: " + pods.error().message());
    return pods.error();
  }
  if (pods->empty()) tell(budget, "Normal", "NoPods", "No matching pods found");
  const auto expected = expected_pods(host(), scale_resources_, budget, *pods);
  if (!expected) {
    tell(budget, "Warning", "CalculateExpectedPodCountFailed",
         "Failed to calculate the number of expected pods: " + expected.error().message());
    return expected.error();
  }
  if (!expected->unmanaged.empty()) {
    tell(budget, "Warning", "UnmanagedPods",
         "Pods selected by this PodDisruptionBudget (selector: " + quoted_selector(budget.spec().selector()) +
             ") were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which "
             "may result in undefined behavior. To account for these pods please set \".spec.minAvailable\" field of "
             "the PDB to an integer value.");
  }
  const int64_t now = host().now_unix_ns();
  const auto disrupted = still_disrupted(budget.status(), *pods, now);
  for (const auto* pod : disrupted.not_deleted) {
    host().event(*pod, "v1", "Pod", "Warning", "NotDeleted",
                 "Pod was expected by PDB " + budget.metadata().namespace_() + "/" + budget.metadata().name() +
                     " to be deleted but it wasn't");
  }
  const Counts counts{count_healthy(*pods, disrupted), expected->healthy, expected->pods};
  if (auto written = write(budget, next_status(budget, counts, disrupted, now)); !written.ok()) return written;
  return Result{disrupted.next_check_ms};
}

Expected<std::vector<corev1::Pod>> DisruptionController::pods_of(const Budget& budget) const {
  if (!budget.spec().has_selector()) return std::vector<corev1::Pod>();
  return host().cached_list<corev1::Pod>(budget.metadata().namespace_(), sdk::selector_text(budget.spec().selector()));
}

// What can't be counted must not be evicted.
Status DisruptionController::fail_safe(Budget budget, const Status& failure) const {
  auto status = failed_status(budget, failure, host().now_unix_ns());
  return write(std::move(budget), std::move(status));
}

// Only over the version that was looked at: an eviction that was allowed since must not be forgotten.
Status DisruptionController::write(Budget budget, policyv1::PodDisruptionBudgetStatus status) const {
  if (same_status(budget.status(), status)) return {};
  *budget.mutable_status() = std::move(status);
  return sdk::unless_gone(host().update(budget, "status"));
}

Expected<sdk::Controller::Result> DisruptionController::take_back_stale(const std::string& ns,
                                                                        const std::string& name) const {
  auto pod = host().cached<corev1::Pod>(ns, name);
  if (!pod) return Result{};
  const int64_t now = host().now_unix_ns();
  const auto wait = stale_after_ms(*pod, now);
  if (!wait || *wait > 0) return Result{wait.value_or(0)};
  take_back(*pod, now);
  if (auto written = sdk::unless_gone(host().update(*pod, "status")); !written.ok()) return written;
  return Result{};
}

void DisruptionController::tell(const Budget& budget, const char* type, const char* reason,
                                const std::string& message) const {
  host().event(budget, "policy/v1", "PodDisruptionBudget", type, reason, message);
}

}  // namespace gantry::disruption
