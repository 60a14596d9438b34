#include "plan.hpp"

#include <algorithm>

#include "gantry/int_or_percent.hpp"
#include "gantry/pods.hpp"

namespace gantry::statefulset {
namespace {

bool is_going(const Pod& pod) { return pod.metadata().has_deletion_timestamp(); }

bool is_rolling(const StatefulSet& set) { return set.spec().update_strategy().type() == "RollingUpdate"; }

int64_t partition_of(const StatefulSet& set) { return set.spec().update_strategy().rolling_update().partition(); }

bool is_outdated(const Scene& scene, const Pod& pod) { return revision_of(pod) != scene.update && !is_going(pod); }

Expected<int64_t> most_unavailable(const StatefulSet& set) {
  const auto& rolling = set.spec().update_strategy().rolling_update();
  if (!rolling.has_max_unavailable()) return 1;
  const auto value = sdk::scaled_value(rolling.max_unavailable(), set.spec().replicas(), false);
  if (!value) return value.error();
  return std::max<int64_t>(1, *value);
}

// From the highest number on, each when the one before is available again.
std::vector<const Pod*> update_one(const Scene& scene, int64_t lowest) {
  int64_t expected = scene.ordinals.end - 1;
  for (auto it = scene.wanted.rbegin(); it != scene.wanted.rend() && it->first >= lowest; ++it, --expected) {
    if (it->first != expected) return {};  // one is missing
    if (is_outdated(scene, *it->second)) return {it->second};
    if (scene.is_unavailable(it->second)) return {};
  }
  return {};
}

std::vector<const Pod*> update_many(const Scene& scene, int64_t lowest, int64_t most) {
  int64_t room = most - (scene.ordinals.end - scene.ordinals.first);
  for (const auto& [ordinal, pod] : scene.wanted) room += scene.is_unavailable(pod) ? 0 : 1;
  std::vector<const Pod*> doomed, working;
  for (auto it = scene.wanted.rbegin(); it != scene.wanted.rend() && it->first >= lowest; ++it) {
    if (!is_outdated(scene, *it->second)) continue;
    // Parallel: one that does not work is missed by nobody, and might never work.
    const bool is_lost = !scene.in_order() && !scene.is_available(*it->second);
    (is_lost ? doomed : working).push_back(it->second);
  }
  const auto count = std::min<int64_t>(std::max<int64_t>(room, 0), static_cast<int64_t>(working.size()));
  doomed.insert(doomed.end(), working.begin(), working.begin() + count);
  return doomed;
}

}  // namespace

Scene::Scene(const StatefulSet& its_set, const std::vector<Pod>& pods, std::string_view current_name,
             std::string_view update_name, int64_t now)
    : set(its_set), ordinals(ordinals_of(its_set)), current(current_name), update(update_name), now_ns(now) {
  for (const auto& pod : pods) {
    const auto ordinal = ordinal_of(set.metadata().name(), pod.metadata().name());
    if (!ordinal) continue;
    if (ordinals.has(*ordinal)) {
      wanted[*ordinal] = &pod;
    } else {
      condemned.push_back({*ordinal, &pod});
    }
  }
  std::sort(condemned.begin(), condemned.end(), [](const auto& a, const auto& b) { return a.ordinal > b.ordinal; });
}

bool Scene::is_available(const Pod& pod) const {
  return sdk::is_available(pod, set.spec().min_ready_seconds(), now_ns);
}

bool Scene::is_unavailable(const Pod* pod) const { return pod == nullptr || !is_available(*pod) || is_going(*pod); }

bool is_running_and_ready(const Pod& pod) { return pod.status().phase() == "Running" && sdk::is_ready(pod); }

Replicas plan_replicas(const Scene& scene, size_t most) {
  Replicas plan;
  const bool in_order = scene.in_order();
  auto next = scene.wanted.begin();
  for (int64_t ordinal = scene.ordinals.first; ordinal < scene.ordinals.end; ++ordinal) {
    if (next == scene.wanted.end() || next->first != ordinal) {
      if (plan.missing.size() < most) {
        plan.missing.push_back(ordinal);
        if ((plan.wait = in_order)) return plan;
        continue;
      }
      // There may be as many more as a number can say.
      if (next == scene.wanted.end()) break;
      ordinal = next->first;
    }
    const Pod& pod = *(next++)->second;
    if (sdk::is_finished(pod)) {
      if (!is_going(pod)) plan.over.push_back(&pod);
      if ((plan.wait = in_order)) return plan;
      continue;
    }
    if (pod.status().phase() == "Pending") plan.pending.push_back({ordinal, &pod});
    if (in_order && (is_going(pod) || !is_running_and_ready(pod) || !scene.is_available(pod))) {
      plan.wait = true;
      return plan;
    }
    plan.settled.push_back({ordinal, &pod});
  }
  return plan;
}

Deletions plan_condemned(const Scene& scene) {
  Deletions plan;
  // The lowest that is not available, of all: only it may go although it does not work.
  const Pod* first_unavailable = nullptr;
  for (auto it = scene.condemned.rbegin(); it != scene.condemned.rend() && first_unavailable == nullptr; ++it) {
    if (scene.is_unavailable(it->pod)) first_unavailable = it->pod;
  }
  for (const auto& [ordinal, pod] : scene.condemned) {
    if (!is_going(*pod)) {
      const bool works = is_running_and_ready(*pod) && scene.is_available(*pod);
      if (!scene.in_order() || works || pod == first_unavailable) plan.pods.push_back(pod);
    }
    if ((plan.wait = scene.in_order())) break;
  }
  return plan;
}

Expected<std::vector<const Pod*>> plan_update(const Scene& scene) {
  if (scene.set.spec().update_strategy().type() == "OnDelete") return std::vector<const Pod*>();
  const auto most = most_unavailable(scene.set);
  if (!most) return most.error();
  const int64_t lowest = scene.ordinals.first + partition_of(scene.set);
  return *most == 1 ? update_one(scene, lowest) : update_many(scene, lowest, *most);
}

bool made_from_current(const StatefulSet& set, int64_t ordinal) {
  if (!is_rolling(set)) return false;
  const int64_t left =
      set.spec().update_strategy().has_rolling_update() ? partition_of(set) : set.status().current_replicas();
  return ordinal < set.spec().ordinals().start() + left;
}

}  // namespace gantry::statefulset
