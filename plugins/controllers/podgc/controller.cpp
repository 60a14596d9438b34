#include "controller.hpp"

#include <algorithm>
#include <utility>

#include "gantry/refusals.hpp"
#include "gantry/times.hpp"
#include "verdict.hpp"

namespace gantry::podgc {
namespace {

constexpr size_t kBatch = 100;

metav1::DeleteOptions at_once(const std::string& uid) {
  metav1::DeleteOptions how;
  how.set_grace_period_seconds(0);
  how.mutable_preconditions()->set_uid(uid);
  return how;
}

// Gone, or another one has its name: as wanted.
Status unless_another(const Status& answer) { return answer.code() == 409 ? Status() : sdk::unless_gone(answer); }

}  // namespace

Status PodGcController::configure() {
  const auto threshold = host().config_int("terminated_pod_threshold", threshold_);
  if (!threshold) return threshold.error();
  const auto workers = host().config_int("workers", workers_);
  if (!workers) return workers.error();
  if (*workers < 1) return Status::invalid("workers must be at least 1");
  threshold_ = *threshold;
  workers_ = *workers;
  return {};
}

abi::ControllerSpec PodGcController::spec() const {
  auto spec = watching<corev1::Pod>("podgc");
  watch<corev1::Node>(spec, abi::WatchSpec::CUSTOM);
  spec.set_workers(static_cast<int32_t>(workers_));
  spec.set_wait_own_writes(true);
  return spec;
}

void PodGcController::map(const abi::ObjectEvent& event, const Emit& emit) {
  corev1::Node node;
  if (!node.ParseFromString(event.object())) return;
  const auto& name = node.metadata().name();
  const bool gone = event.type() == abi::ObjectEvent::DELETED;
  if (!gone) missing_.found(name);
  if (!gone && !is_out_of_service(node)) return;
  const auto pods = host().cached_by_index<corev1::Pod>("spec.nodeName", name);
  if (!pods) return host().warn("podgc: the pods of node " + name + " are unknown: " + pods.error().message());
  for (const auto& pod : *pods) emit(pod.metadata().namespace_(), pod.metadata().name());
}

Expected<PodGcController::Result> PodGcController::reconcile(const Key& key) {
  if (auto counted = count_all(); !counted.ok()) return counted;
  auto pod = host().cached<corev1::Pod>(key.ns, key.name);
  if (!pod) {
    terminated_.forget(key.ns, key.name);
    return Result{};
  }
  terminated_.note(*pod);
  if (auto removed = remove_terminated(); !removed.ok()) return removed;
  if (is_forced(*pod)) return Result{};
  const bool going = pod->metadata().has_deletion_timestamp();
  const auto& node = pod->spec().node_name();
  if (!node.empty() && !has_node(node)) return look_at_orphan(std::move(*pod));
  if (!going) return Result{};
  const auto on = node.empty() ? std::nullopt : host().cached<corev1::Node>("", node);
  const bool stays = !node.empty() && !(on && is_out_of_service(*on));
  if (stays) return Result{};
  if (auto ended = end(std::move(*pod), false); !ended.ok()) return ended;
  return Result{};
}

// An instance that took over from another one is told of no pod but those that change.
Status PodGcController::count_all() {
  if (threshold_ <= 0 || counted_) return {};
  const std::lock_guard lock(counting_);
  if (counted_) return {};
  const auto pods = host().cached_list<corev1::Pod>("");
  if (!pods) return pods.error();
  for (const auto& pod : *pods) terminated_.note(pod);
  counted_ = true;
  return {};
}

Status PodGcController::remove_terminated() {
  if (threshold_ <= 0) return {};
  Status first;
  for (;;) {
    auto places = terminated_.take_beyond(static_cast<size_t>(threshold_), kBatch);
    if (places.empty()) return first;
    std::vector<sdk::ApiRequest> requests;
    for (const auto& place : places) {
      requests.push_back(sdk::Host::request_for<corev1::Pod>(sdk::ApiRequest::DELETE, place.ns, place.name));
      requests.back().set_body(at_once(place.uid).SerializeAsString());
    }
    const auto answers = host().call_all(requests);
    for (size_t i = 0; i < answers.size(); ++i) {
      auto removed = answers[i] ? Status() : unless_another(answers[i].error());
      if (removed.ok()) continue;
      terminated_.put_back(std::move(places[i]));
      if (first.ok()) first = std::move(removed);
    }
    if (!first.ok()) return first;
  }
}

// The cache may be behind, and a node may come a moment after its pods: it has a while, and then the server is asked.
// So has each pod since it was made: what a controller makes for such a node again and again is not gone in a moment.
Expected<PodGcController::Result> PodGcController::look_at_orphan(corev1::Pod pod) {
  const auto& node = pod.spec().node_name();
  const int64_t settled =
      later(to_ns(pod.metadata().creation_timestamp()), MissingNodes::kQuarantineMs * kNanosPerMilli);
  const int64_t young = std::min(until_ms(settled, host().now_unix_ns()), MissingNodes::kQuarantineMs);
  const int64_t wait = std::max(missing_.wait_ms(node, host().monotonic_ns()), young);
  if (wait > 0) return Result{wait};
  const auto there = host().get_object<corev1::Node>("", node);
  if (there) return Status::conflict("the cache has no node " + node + " yet");
  if (there.error().code() != 404) return there.error();
  if (auto ended = end(std::move(pod), true); !ended.ok()) return ended;
  return Result{};
}

bool PodGcController::has_node(const std::string& name) const {
  const auto* table = host().get<gantry_cache>(GANTRY_CACHE_ID);
  if (table == nullptr) return true;
  constexpr auto node = ResourceOf<corev1::Node>::name;
  const gantry_resource resource = {to_slice(node.group), to_slice(node.version), to_slice(node.resource)};
  Buffer found;
  return table->get(host().raw(), &resource, {}, to_slice(name), found.out()) == 0;
}

Status PodGcController::end(corev1::Pod pod, bool node_is_gone) const {
  const std::string ns = pod.metadata().namespace_(), name = pod.metadata().name(), uid = pod.metadata().uid();
  if (mark_failed(pod, node_is_gone, host().now_unix_ns())) {
    const auto marked = host().update(pod, "status");
    if (!marked) return sdk::unless_gone(marked.error());
  }
  return unless_another(host().remove<corev1::Pod>(ns, name, at_once(uid)));
}

}  // namespace gantry::podgc
