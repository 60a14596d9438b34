#include "status.hpp"

#include <string>

namespace gantry::statefulset {
namespace {

// All pods are of the update, and ready: what was updated to is current from now on.
void complete_update(const StatefulSet& set, StatefulSetStatus& status) {
  const int32_t wanted = set.spec().replicas();
  if (set.spec().update_strategy().type() != "RollingUpdate" || status.updated_replicas() != wanted ||
      status.ready_replicas() != wanted || status.replicas() != wanted) {
    return;
  }
  status.set_current_replicas(status.updated_replicas());
  status.set_current_revision(status.update_revision());
}

}  // namespace

StatefulSetStatus next_status(const Scene& scene, const std::vector<Pod>& pods, int32_t collisions,
                              const std::vector<const Pod*>& replaced) {
  int32_t replicas = 0, ready = 0, available = 0, current = 0, updated = 0;
  for (const auto& pod : pods) {
    if (pod.status().phase().empty()) continue;
    ++replicas;
    if (is_running_and_ready(pod)) {
      ++ready;
      available += scene.is_available(pod);
    }
    if (pod.metadata().has_deletion_timestamp()) continue;
    current += revision_of(pod) == scene.current;
    updated += revision_of(pod) == scene.update;
  }
  for (const auto* pod : replaced) current -= revision_of(*pod) == scene.current;
  StatefulSetStatus status;
  status.set_observed_generation(scene.set.metadata().generation());
  status.set_replicas(replicas);
  status.set_ready_replicas(ready);
  status.set_available_replicas(available);
  status.set_current_replicas(current);
  status.set_updated_replicas(updated);
  status.set_current_revision(std::string(scene.current));
  status.set_update_revision(std::string(scene.update));
  status.set_collision_count(collisions);
  complete_update(scene.set, status);
  return status;
}

bool same_status(const StatefulSetStatus& a, const StatefulSetStatus& b) {
  return a.observed_generation() == b.observed_generation() && a.replicas() == b.replicas() &&
         a.ready_replicas() == b.ready_replicas() && a.available_replicas() == b.available_replicas() &&
         a.current_replicas() == b.current_replicas() && a.updated_replicas() == b.updated_replicas() &&
         a.current_revision() == b.current_revision() && a.update_revision() == b.update_revision() &&
         a.has_collision_count() == b.has_collision_count() && a.collision_count() == b.collision_count();
}

}  // namespace gantry::statefulset
