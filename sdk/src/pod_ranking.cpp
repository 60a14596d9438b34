#include "gantry/pod_ranking.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gantry/pods.hpp"

namespace gantry::sdk {
namespace {

// What the order needs of a pod, worked out once.
struct Ranked {
  size_t index = 0;
  std::string_view uid;
  bool assigned = false, ready = false;
  int phase = 0;
  int32_t cost = 0;
  int32_t neighbours = 0;
  std::optional<int64_t> ready_since, created;
  int32_t restarts = 0, sidecar_restarts = 0;
};

int phase_order(std::string_view phase) { return phase == "Running" ? 2 : phase == "Unknown" ? 1 : 0; }

bool has_sidecar(const corev1::Pod& pod, std::string_view name) {
  const auto& all = pod.spec().init_containers();
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& container) { return container.name() == name && is_sidecar(container); });
}

Ranked rank(const corev1::Pod& pod, size_t index, const std::map<std::string, int32_t>& on_node) {
  Ranked r;
  r.index = index;
  r.uid = pod.metadata().uid();
  r.assigned = !pod.spec().node_name().empty();
  r.phase = phase_order(pod.status().phase());
  r.ready = is_ready(pod);
  r.cost = deletion_cost(pod);
  if (const auto it = on_node.find(pod.spec().node_name()); it != on_node.end()) r.neighbours = it->second;
  r.ready_since = ready_since_ns(pod);
  if (pod.metadata().has_creation_timestamp()) r.created = to_ns(pod.metadata().creation_timestamp());
  for (const auto& status : pod.status().container_statuses())
    r.restarts = std::max(r.restarts, status.restart_count());
  for (const auto& status : pod.status().init_container_statuses()) {
    if (has_sidecar(pod, status.name())) r.sidecar_restarts = std::max(r.sidecar_restarts, status.restart_count());
  }
  return r;
}

// Without a time, or younger, goes first. Null: equal.
std::optional<bool> younger(const std::optional<int64_t>& a, const std::optional<int64_t>& b, const Ranked& x,
                            const Ranked& y, int64_t now_ns) {
  if (a == b) return std::nullopt;
  if (!a || !b) return !a;
  const auto difference = age_difference(*a, *b, now_ns);
  // Random uids break the tie, in the same way each time.
  return difference == 0 ? x.uid < y.uid : difference < 0;
}

bool goes_first(const Ranked& x, const Ranked& y, int64_t now_ns) {
  if (x.assigned != y.assigned) return !x.assigned;
  if (x.phase != y.phase) return x.phase < y.phase;
  if (x.ready != y.ready) return !x.ready;
  if (x.cost != y.cost) return x.cost < y.cost;
  if (x.neighbours != y.neighbours) return x.neighbours > y.neighbours;
  if (x.ready && y.ready) {
    if (const auto first = younger(x.ready_since, y.ready_since, x, y, now_ns)) return *first;
  }
  if (x.restarts != y.restarts) return x.restarts > y.restarts;
  if (x.sidecar_restarts != y.sidecar_restarts) return x.sidecar_restarts > y.sidecar_restarts;
  return younger(x.created, y.created, x, y, now_ns).value_or(false);
}

}  // namespace

int32_t deletion_cost(const corev1::Pod& pod) {
  const auto& annotations = pod.metadata().annotations();
  const auto it = annotations.find(kDeletionCost);
  if (it == annotations.end() || it->second.empty()) return 0;
  const std::string& text = it->second;
  if (text[0] == '+' || (text[0] == '0' && text.size() > 1)) return 0;
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : 0;
}

int64_t age_difference(int64_t a_ns, int64_t b_ns, int64_t now_ns) {
  const auto power = [now_ns](int64_t then) -> int64_t {
    const int64_t age = between(then, now_ns);
    return age > 0 ? std::bit_width(static_cast<uint64_t>(age)) - 1 : -1;
  };
  return power(a_ns) - power(b_ns);
}

std::vector<corev1::Pod> pods_to_delete(std::vector<corev1::Pod> pods, const std::vector<corev1::Pod>& related,
                                        size_t count, int64_t now_ns) {
  if (count >= pods.size()) return pods;
  std::map<std::string, int32_t> on_node;
  for (const auto& pod : related) {
    if (is_active(pod)) ++on_node[pod.spec().node_name()];
  }
  std::vector<Ranked> order;
  for (size_t i = 0; i < pods.size(); ++i) order.push_back(rank(pods[i], i, on_node));
  // Equal times fall through to the next rule while equal ages end at the uids, so three pods may stand in a circle.
  // A merging sort bears that; one that partitions would not.
  std::stable_sort(order.begin(), order.end(),
                   [now_ns](const Ranked& x, const Ranked& y) { return goes_first(x, y, now_ns); });
  std::vector<corev1::Pod> chosen;
  for (size_t i = 0; i < count; ++i) chosen.push_back(std::move(pods[order[i].index]));
  return chosen;
}

}  // namespace gantry::sdk
