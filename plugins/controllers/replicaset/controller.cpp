#include "controller.hpp"

#include <algorithm>
#include <set>

#include "gantry/ownership.hpp"
#include "gantry/pods.hpp"
#include "pod_template.hpp"
#include "ranking.hpp"
#include "slow_start.hpp"
#include "status.hpp"

namespace gantry::replicaset {
namespace {

constexpr char kApiVersion[] = "apps/v1";
constexpr char kKind[] = "ReplicaSet";

bool is_ours(const metav1::OwnerReference* owner) {
  return owner != nullptr && owner->kind() == kKind && owner->api_version().rfind("apps/", 0) == 0;
}

metav1::ObjectMeta metadata_of(const std::string& object) {
  metav1::PartialObjectMetadata partial;
  partial.ParseFromString(object);
  return std::move(*partial.mutable_metadata());
}

bool namespace_goes(const Status& status) {
  if (!status.details()) return false;
  const auto& causes = status.details()->causes;
  return std::any_of(causes.begin(), causes.end(),
                     [](const StatusCause& cause) { return cause.reason == "NamespaceTerminating"; });
}

bool same_labels(const sdk::LabelMap& a, const sdk::LabelMap& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](const auto& label) {
           const auto it = b.find(label.first);
           return it != b.end() && it->second == label.second;
         });
}

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
  const auto now = metadata_of(event.object());
  const auto* owner = sdk::controller_of(now);
  if (is_ours(owner)) emit(now.namespace_(), owner->name());
  const auto before = event.has_previous() ? metadata_of(event.previous()) : metav1::ObjectMeta();
  const auto* last = sdk::controller_of(before);
  const bool moved = last != nullptr && (owner == nullptr || owner->uid() != last->uid());
  if (moved && is_ours(last)) emit(now.namespace_(), last->name());
  if (owner != nullptr || event.type() == abi::ObjectEvent::DELETED) return;
  if (event.type() == abi::ObjectEvent::ADDED || moved || !same_labels(now.labels(), before.labels())) {
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
  if (auto written = write_status(std::move(*set), std::move(status)); !written.ok()) return written;
  if (!managed.ok()) return managed;
  return Result{some_wait ? next_availability_ms(pods->active, min_ready, now) : 0};
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
  sdk::Claim<appsv1::ReplicaSet, corev1::Pod> claim(
      host(), set, sdk::controller_reference(set.metadata(), kApiVersion, kKind), selector);
  auto claimed = claim.run(std::move(active));
  if (!claimed) return std::move(claimed).error();
  pods.active = std::move(*claimed);
  return pods;
}

Status ReplicaSetController::manage(const appsv1::ReplicaSet& set, const std::vector<corev1::Pod>& active) const {
  const int64_t missing = set.spec().replicas() - static_cast<int64_t>(active.size());
  if (missing > 0) {
    return slow_start(static_cast<size_t>(std::min(missing, burst_)), 1,
                      [&](size_t count) { return create_pods(set, count); });
  }
  if (missing < 0) return delete_pods(set, active, static_cast<size_t>(std::min(-missing, burst_)));
  return {};
}

std::vector<Status> ReplicaSetController::create_pods(const appsv1::ReplicaSet& set, size_t count) const {
  const auto pod = pod_from_template(set);
  if (pod.metadata().labels().empty()) return {Status::invalid("unable to create pods, no labels")};
  auto request = sdk::Host::request_for<corev1::Pod>(sdk::ApiRequest::CREATE, set.metadata().namespace_(), "");
  request.set_body(pod.SerializeAsString());
  std::vector<Status> results;
  for (const auto& answer : host().call_all(std::vector<sdk::ApiRequest>(count, request))) {
    if (answer) {
      const auto made = answer->objects_size() > 0 ? metadata_of(answer->objects(0)) : metav1::ObjectMeta();
      event(set, "Normal", "SuccessfulCreate", "Created pod: " + made.name());
      results.emplace_back();
    } else if (namespace_goes(answer.error())) {
      // Any creation fails until the namespace, and the set with it, is gone.
      results.emplace_back();
    } else {
      event(set, "Warning", "FailedCreate", "Error creating: " + answer.error().message());
      results.push_back(answer.error());
    }
  }
  return results;
}

Status ReplicaSetController::delete_pods(const appsv1::ReplicaSet& set, const std::vector<corev1::Pod>& active,
                                         size_t count) const {
  const auto doomed = pods_to_delete(active, count < active.size() ? related_pods(set) : std::vector<corev1::Pod>(),
                                     count, host().now_unix_ns());
  std::vector<sdk::ApiRequest> requests;
  for (const auto& pod : doomed) {
    requests.push_back(sdk::Host::request_for<corev1::Pod>(sdk::ApiRequest::DELETE, pod.metadata().namespace_(),
                                                           pod.metadata().name()));
    requests.back().set_body(metav1::DeleteOptions().SerializeAsString());
  }
  const auto answers = host().call_all(requests);
  Status first;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]) {
      event(set, "Normal", "SuccessfulDelete", "Deleted pod: " + doomed[i].metadata().name());
    } else if (answers[i].error().code() != 404) {
      event(set, "Warning", "FailedDelete", "Error deleting: " + answers[i].error().message());
      if (first.ok()) first = Status(answers[i].error()).in("unable to delete pods");
    }
  }
  return first;
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

// Once more with the newest version when somebody else wrote meanwhile: the counts are still right.
Status ReplicaSetController::write_status(appsv1::ReplicaSet set, appsv1::ReplicaSetStatus status) const {
  if (same_status(set.status(), status)) return {};
  *set.mutable_status() = status;
  auto written = host().update(set, "status");
  if (written) return {};
  if (written.error().code() == 404) return {};
  if (written.error().code() != 409) return std::move(written).error();
  auto fresh = host().get_object<appsv1::ReplicaSet>(set.metadata().namespace_(), set.metadata().name());
  if (!fresh) return fresh.error().code() == 404 ? Status() : std::move(fresh).error();
  if (fresh->metadata().uid() != set.metadata().uid()) return {};
  *fresh->mutable_status() = std::move(status);
  written = host().update(*fresh, "status");
  return written ? Status() : std::move(written).error();
}

void ReplicaSetController::event(const appsv1::ReplicaSet& set, std::string_view type, std::string_view reason,
                                 std::string_view message) const {
  host().event(set, kApiVersion, kKind, type, reason, message);
}

}  // namespace gantry::replicaset
