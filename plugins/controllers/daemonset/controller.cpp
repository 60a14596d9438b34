#include "controller.hpp"

#include <algorithm>
#include <utility>

#include "gantry/ownership.hpp"
#include "gantry/selectors.hpp"
#include "sync.hpp"

namespace gantry::daemonset {
namespace {

// No namespace: no set's key.
constexpr char kNodesKey[] = "nodes";

}  // namespace

Status DaemonSetController::configure() {
  auto workers = host().config_int("workers", workers_);
  if (!workers) return std::move(workers).error();
  auto burst = host().config_int("burst_replicas", burst_);
  if (!burst) return std::move(burst).error();
  if (*workers < 1 || *burst < 1) return Status::invalid("workers and burst_replicas must be at least 1");
  workers_ = *workers;
  burst_ = *burst;
  return {};
}

abi::ControllerSpec DaemonSetController::spec() const {
  auto spec = watching<DaemonSet>("daemonset");
  constexpr int kSpec = DaemonSet::kSpecFieldNumber, kSelector = appsv1::DaemonSetSpec::kSelectorFieldNumber;
  owned<Pod>(spec, "apps", kKind, {kSpec, kSelector});
  owned<appsv1::ControllerRevision>(spec, "apps", kKind, {kSpec, kSelector});
  watch<Node>(spec, abi::WatchSpec::CUSTOM);
  spec.set_workers(static_cast<int32_t>(workers_));
  spec.set_wait_own_writes(true);
  return spec;
}

void DaemonSetController::map(const abi::ObjectEvent& event, const Emit& emit) {
  auto now = placement_facts(event.object());
  if (!now) return;
  std::optional<Node> before;
  if (event.type() == abi::ObjectEvent::MODIFIED) before = placement_facts(event.previous());
  if (before && same_facts(*before, *now)) return;
  const std::string name = now->metadata().name();
  if (event.type() == abi::ObjectEvent::DELETED) before = std::exchange(now, std::nullopt);
  {
    const std::lock_guard lock(mutex_);
    auto [it, is_new] = changes_.try_emplace(name);
    if (is_new) it->second.before = std::move(before);
    it->second.now = std::move(now);
  }
  emit("", kNodesKey);
}

Expected<DaemonSetController::Result> DaemonSetController::reconcile(const Key& key) {
  if (key.ns.empty()) {
    look_at_nodes();
    return Result{};
  }
  auto set = host().cached<DaemonSet>(key.ns, key.name);
  if (!set) return Result{};
  if (sdk::is_empty(set->spec().selector())) {
    host().event(*set, kApiVersion, kKind, "Warning", "SelectingAll",
                 "This daemon set is selecting all pods. A non-empty selector is required.");
    return Result{};
  }
  // What it owned may be gone or orphaned already, so that nothing true could be said of it.
  if (set->metadata().has_deletion_timestamp()) return Result{};
  Sync sync(host(), std::move(*set), failed_, burst_);
  if (auto status = sync.run(); !status.ok()) return status;
  return Result{sync.requeue_after_ms()};
}

void DaemonSetController::look_at_nodes() {
  Changes changes;
  bool unknown = false;
  {
    const std::lock_guard lock(mutex_);
    changes = std::exchange(changes_, {});
    unknown = std::exchange(unknown_, false);
  }
  const auto sets = host().cached_list<DaemonSet>("");
  if (!sets) return;  // there are no caches, and nothing to work on
  for (const auto& set : *sets) {
    if (unknown || concerns(changes, set)) host().enqueue(set.metadata().namespace_(), set.metadata().name());
  }
}

bool DaemonSetController::concerns(const Changes& changes, const DaemonSet& set) const {
  const Placement placement(set);
  return std::any_of(changes.begin(), changes.end(), [&](const auto& item) {
    const auto& [name, change] = item;
    const Fit now = change.now ? placement.on(*change.now) : Fit{};
    if (change.before) return placement.on(*change.before) != now;
    return now.wanted || (change.now && has_pod_on(set, name));
  });
}

// Where nothing is known of how the node was, what is there may have to go.
bool DaemonSetController::has_pod_on(const DaemonSet& set, const std::string& node) const {
  const auto pods = host().cached_by_index<Pod>("spec.nodeName", node, set.metadata().namespace_(),
                                                sdk::selector_text(set.spec().selector()));
  if (!pods) return true;
  return std::any_of(pods->begin(), pods->end(), [&](const Pod& pod) {
    const auto* owner = sdk::controller_of(pod.metadata());
    return owner != nullptr && owner->uid() == set.metadata().uid();
  });
}

}  // namespace gantry::daemonset
