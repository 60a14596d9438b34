#include "gantry/replica_controller.hpp"

#include <algorithm>

#include "gantry/batches.hpp"
#include "gantry/pod_control.hpp"
#include "gantry/pod_ranking.hpp"
#include "gantry/pod_template.hpp"

namespace gantry::sdk {
namespace {

Status create_replicas(const Host& host, const ReplicaOwner& owner, size_t count) {
  const auto pod =
      pod_from_template(owner.from, owner.meta, controller_reference(owner.meta, owner.api_version, owner.kind));
  if (pod.metadata().labels().empty()) return Status::invalid("unable to create pods, no labels");
  const PodControl control(host, owner.meta, owner.api_version, owner.kind);
  return slow_start(count, 1, [&](size_t, size_t batch) { return control.create(pod, batch); });
}

Status delete_replicas(const Host& host, const ReplicaOwner& owner, const std::vector<corev1::Pod>& doomed) {
  auto failure = first_failure(PodControl(host, owner.meta, owner.api_version, owner.kind).remove(doomed));
  return failure.ok() ? failure : std::move(failure).in("unable to delete pods");
}

}  // namespace

Status manage_replicas(const Host& host, const ReplicaOwner& owner, const std::vector<corev1::Pod>& active,
                       int64_t burst, const std::function<std::vector<corev1::Pod>()>& related) {
  const int64_t missing = owner.wanted - static_cast<int64_t>(active.size());
  if (missing > 0) return create_replicas(host, owner, static_cast<size_t>(std::min(missing, burst)));
  if (missing == 0) return {};
  const auto count = static_cast<size_t>(std::min(-missing, burst));
  const auto others = count < active.size() ? related() : std::vector<corev1::Pod>();
  return delete_replicas(host, owner, pods_to_delete(active, others, count, host.now_unix_ns()));
}

}  // namespace gantry::sdk
