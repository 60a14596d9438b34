#include "gantry/replica_status.hpp"

#include "gantry/pods.hpp"
#include "gantry/selectors.hpp"

namespace gantry::sdk {

ReplicaCounts count_replicas(const std::vector<corev1::Pod>& active, const corev1::PodTemplateSpec& from,
                             int32_t min_ready_seconds, int64_t now_ns) {
  ReplicaCounts counts;
  for (const auto& pod : active) {
    counts.labeled += has_labels(pod.metadata().labels(), from.metadata().labels());
    counts.ready += is_ready(pod);
    counts.available += is_available(pod, min_ready_seconds, now_ns);
  }
  return counts;
}

}  // namespace gantry::sdk
