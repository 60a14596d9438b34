#include "evictions.hpp"

#include <algorithm>

#include "gantry/pods.hpp"

namespace gantry::nodelifecycle {
namespace {

bool tolerates(const corev1::Toleration& toleration, const corev1::Taint& taint) {
  if (!toleration.effect().empty() && toleration.effect() != taint.effect()) return false;
  if (!toleration.key().empty() && toleration.key() != taint.key()) return false;
  if (toleration.operator_() == "Exists") return true;
  return (toleration.operator_().empty() || toleration.operator_() == "Equal") && toleration.value() == taint.value();
}

// Before a pod was on the node no taint could drive it away.
int64_t on_node_since_ns(const corev1::Pod& pod) {
  const auto* scheduled = sdk::pod_condition(pod, "PodScheduled");
  if (scheduled != nullptr && scheduled->status() == "True") return to_ns(scheduled->last_transition_time());
  return to_ns(pod.metadata().creation_timestamp());
}

}  // namespace

std::vector<TimedTaint> TaintTimes::timed(std::vector<corev1::Taint> taints, int64_t now_ns) {
  std::map<std::string, int64_t> present;
  std::vector<TimedTaint> timed;
  for (auto& taint : taints) {
    int64_t since = to_ns(taint.time_added());
    if (!taint.has_time_added()) {
      const std::string id = taint.key() + "=" + taint.value();
      const auto known = seen_.find(id);
      since = present[id] = known == seen_.end() ? now_ns : known->second;
    }
    timed.push_back({std::move(taint), since});
  }
  seen_ = std::move(present);
  return timed;
}

std::optional<int64_t> evict_at_ns(const corev1::Pod& pod, const std::vector<TimedTaint>& taints) {
  std::optional<int64_t> at;
  const auto& tolerations = pod.spec().tolerations();
  for (const auto& [taint, since_ns] : taints) {
    // The first that fits decides for how long.
    const auto found = std::find_if(tolerations.begin(), tolerations.end(),
                                    [&](const auto& toleration) { return tolerates(toleration, taint); });
    if (found == tolerations.end()) return 0;
    if (!found->has_toleration_seconds()) continue;
    if (found->toleration_seconds() <= 0) return 0;
    int64_t wait_ns = 0;
    if (__builtin_mul_overflow(found->toleration_seconds(), kNanosPerSecond, &wait_ns)) continue;
    const int64_t then = later(std::max(since_ns, on_node_since_ns(pod)), wait_ns);
    at = at ? std::min(*at, then) : then;
  }
  return at;
}

}  // namespace gantry::nodelifecycle
