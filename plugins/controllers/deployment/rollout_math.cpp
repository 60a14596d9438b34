#include "rollout_math.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "annotations.hpp"
#include "gantry/int_or_percent.hpp"

namespace gantry::deployment {
namespace {

constexpr char kRollingUpdate[] = "RollingUpdate";

// By how much a set changes for the whole to get from its former to its new maximum.
int32_t fraction(const Deployment& deployment, const Limits& limits, const ReplicaSet& set) {
  const int32_t size = set.spec().replicas();
  if (deployment.spec().replicas() == 0) return -size;
  int32_t before = count_annotation(set, kMaxReplicas).value_or(0);
  // Without the annotation, the size that exists; where that is 0 as well, nothing can be said.
  if (before == 0) before = deployment.status().replicas();
  if (before == 0) return 0;
  const double now = deployment.spec().replicas() + limits.surge;
  return static_cast<int32_t>(std::lround(size * now / before)) - size;
}

int32_t proportion(const Deployment& deployment, const Limits& limits, const ReplicaSet& set, int32_t to_add,
                   int32_t added) {
  if (set.spec().replicas() == 0 || to_add == added) return 0;
  const int32_t part = fraction(deployment, limits, set), allowed = to_add - added;
  return to_add > 0 ? std::min(part, allowed) : std::max(part, allowed);
}

}  // namespace

Expected<Limits> limits_of(const Deployment& deployment) {
  const auto& strategy = deployment.spec().strategy();
  if (strategy.type() != kRollingUpdate) return Limits{};
  const int32_t replicas = deployment.spec().replicas();
  const auto surge = sdk::scaled_value(strategy.rolling_update().max_surge(), replicas, true);
  if (!surge) return Status(surge.error()).in("maxSurge");
  const auto unavailable = sdk::scaled_value(strategy.rolling_update().max_unavailable(), replicas, false);
  if (!unavailable) return Status(unavailable.error()).in("maxUnavailable");
  Limits limits{*surge, *unavailable};
  if (limits.surge == 0 && limits.unavailable == 0) limits.unavailable = 1;
  limits.unavailable = std::min(limits.unavailable, replicas);
  return limits;
}

int32_t new_set_size(const Deployment& deployment, const Limits& limits, const ReplicaSet& fresh, const Sets& all) {
  const int32_t replicas = deployment.spec().replicas(), size = fresh.spec().replicas();
  if (deployment.spec().strategy().type() != kRollingUpdate) return replicas;
  const int32_t room = replicas + limits.surge - wanted(all);
  if (room <= 0) return size;
  return size + std::min(room, replicas - size);
}

bool is_saturated(const Deployment& deployment, const ReplicaSet* fresh) {
  if (fresh == nullptr) return false;
  const int32_t replicas = deployment.spec().replicas();
  return fresh->spec().replicas() == replicas && count_annotation(*fresh, kDesiredReplicas) == replicas &&
         fresh->status().available_replicas() == replicas;
}

Sizes proportional_sizes(const Deployment& deployment, const Limits& limits, Sets active) {
  const int32_t replicas = deployment.spec().replicas();
  const int32_t to_add = (replicas > 0 ? replicas + limits.surge : 0) - wanted(active);
  if (to_add != 0) sort_by_size(active, to_add > 0);
  Sizes sizes;
  int32_t added = 0;
  for (auto* set : active) {
    const int32_t part = proportion(deployment, limits, *set, to_add, added);
    sizes.emplace_back(set, set->spec().replicas() + part);
    added += part;
  }
  if (to_add != 0 && !sizes.empty()) {
    sizes.front().second = std::max(0, sizes.front().second + to_add - added);
  }
  return sizes;
}

Sizes shrink_unhealthy(Sets old, int32_t limit) {
  sort_oldest_first(old);
  Sizes sizes;
  for (auto* set : old) {
    const int32_t size = set->spec().replicas();
    const int32_t gone = std::min(limit, size - set->status().available_replicas());
    if (size == 0 || gone <= 0) continue;
    sizes.emplace_back(set, size - gone);
    limit -= gone;
  }
  return sizes;
}

Sizes shrink_healthy(Sets old, int32_t spare) {
  sort_oldest_first(old);
  Sizes sizes;
  for (auto* set : old) {
    const int32_t size = set->spec().replicas(), gone = std::min(size, spare);
    if (gone <= 0) continue;
    sizes.emplace_back(set, size - gone);
    spare -= gone;
  }
  return sizes;
}

int32_t most_to_shrink(const Deployment& deployment, const Limits& limits, const ReplicaSet& fresh, const Sets& all) {
  const int32_t least = deployment.spec().replicas() - limits.unavailable;
  const int32_t not_yet = fresh.spec().replicas() - fresh.status().available_replicas();
  return wanted(all) - least - not_yet;
}

int32_t available_to_spare(const Deployment& deployment, const Limits& limits, const Sets& all) {
  int32_t staying = 0;
  for (const auto* set : all) staying += std::min(set->status().available_replicas(), set->spec().replicas());
  return staying - (deployment.spec().replicas() - limits.unavailable);
}

}  // namespace gantry::deployment
