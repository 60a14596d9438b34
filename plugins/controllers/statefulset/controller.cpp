#include "controller.hpp"

#include <algorithm>
#include <utility>

#include "gantry/claims.hpp"
#include "k8s.io/api/apps/v1/controller_revision.pb.h"
#include "round.hpp"

namespace gantry::statefulset {

Status StatefulSetController::configure() {
  auto workers = host().config_int("workers", workers_);
  if (!workers) return std::move(workers).error();
  auto burst = host().config_int("burst_replicas", burst_);
  if (!burst) return std::move(burst).error();
  if (*workers < 1 || *burst < 1) return Status::invalid("workers and burst_replicas must be at least 1");
  workers_ = *workers;
  burst_ = *burst;
  return {};
}

abi::ControllerSpec StatefulSetController::spec() const {
  auto spec = watching<StatefulSet>("statefulset");
  owned<Pod>(spec, "apps", kKind, {StatefulSet::kSpecFieldNumber, appsv1::StatefulSetSpec::kSelectorFieldNumber});
  owned<appsv1::ControllerRevision>(spec, "apps", kKind).add_interests(abi::WatchSpec::GONE);
  watch<PersistentVolumeClaim>(spec, abi::WatchSpec::CUSTOM).add_interests(abi::WatchSpec::GONE);
  spec.set_workers(static_cast<int32_t>(workers_));
  spec.set_wait_own_writes(true);
  return spec;
}

// A claim that is gone may be what a pod waits for. Its name is TEMPLATE-SET-NUMBER, and both may have dashes.
void StatefulSetController::map(const abi::ObjectEvent& event, const Emit& emit) {
  const auto claim = sdk::metadata_of(event.object()).value_or(metav1::ObjectMeta());
  const std::string& name = claim.name();
  const size_t number = name.rfind('-');
  if (number == std::string::npos) return;
  for (size_t dash = name.find('-'); dash < number; dash = name.find('-', dash + 1)) {
    const auto from = name.substr(0, dash), set_name = name.substr(dash + 1, number - dash - 1);
    if (!ordinal_of(set_name, std::string_view(name).substr(dash + 1))) continue;
    const auto set = host().cached<StatefulSet>(claim.namespace_(), set_name);
    if (!set) continue;
    const auto& all = set->spec().volume_claim_templates();
    const bool has =
        std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.metadata().name() == from; });
    if (has) emit(claim.namespace_(), set_name);
  }
}

Expected<StatefulSetController::Result> StatefulSetController::reconcile(const Key& key) {
  const auto set = host().cached<StatefulSet>(key.ns, key.name);
  // An empty selector is refused by the server; it would take everything.
  if (!set || sdk::is_empty(set->spec().selector())) return Result{};
  const auto pods = claim_pods(*set);
  if (!pods) return pods.error();
  Round round(host(), *set, *pods, static_cast<size_t>(burst_));
  if (auto status = round.run(); !status.ok()) return status;
  return Result{round.requeue_after_ms()};
}

// Only pods whose names are the set's: others are no members, whatever their labels.
Expected<std::vector<Pod>> StatefulSetController::claim_pods(const StatefulSet& set) const {
  const auto& selector = set.spec().selector();
  auto found = sdk::claim_candidates<Pod>(host(), set.metadata(), selector);
  if (!found) return std::move(found).error();
  const auto strangers = std::partition(found->begin(), found->end(), [&](const Pod& pod) {
    return ordinal_of(set.metadata().name(), pod.metadata().name()).has_value();
  });
  for (auto it = strangers; it != found->end(); ++it) {
    if (auto status = release(set, *it); !status.ok()) return status;
  }
  found->erase(strangers, found->end());
  return sdk::claim(host(), set, sdk::controller_reference(set.metadata(), kApiVersion, kKind), selector,
                    std::move(*found));
}

Status StatefulSetController::release(const StatefulSet& set, const Pod& pod) const {
  const auto& meta = pod.metadata();
  if (sdk::controller_of(meta) == nullptr || set.metadata().has_deletion_timestamp()) return {};
  const auto patched =
      host().patch<Pod>(meta.namespace_(), meta.name(), sdk::release_patch(set.metadata().uid(), meta.uid()),
                        sdk::ApiRequest::STRATEGIC_MERGE_PATCH);
  return patched || patched.error().code() == 404 || patched.error().code() == 422 ? Status() : patched.error();
}

}  // namespace gantry::statefulset
