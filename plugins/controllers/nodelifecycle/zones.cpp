#include "zones.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "gantry/times.hpp"

namespace gantry::nodelifecycle {
namespace {

constexpr char kExcluded[] = "node.kubernetes.io/exclude-disruption";
constexpr int64_t kNever = -1;

std::string label(const metav1::ObjectMeta& meta, const char* key, const char* old_key) {
  for (const char* each : {key, old_key}) {
    const auto found = meta.labels().find(each);
    if (found != meta.labels().end()) return found->second;
  }
  return {};
}

}  // namespace

std::string zone_of(const metav1::ObjectMeta& node) {
  const auto region = label(node, "topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region");
  const auto zone = label(node, "topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone");
  return region + '\n' + zone;
}

bool Zones::put(const corev1::Node& node, int64_t now_ns) {
  const auto& meta = node.metadata();
  Member member;
  member.zone = zone_of(meta);
  member.excluded = meta.labels().contains(kExcluded);
  member.ready = readiness(node);
  member.tainted = has_own_no_execute(node);
  member.any_no_execute = !no_execute_taints(node).empty();
  const std::lock_guard lock(mutex_);
  const auto [it, fresh] = nodes_.try_emplace(meta.name());
  auto& known = it->second;
  const bool needs_taint = (member.ready == Ready::kFalse || member.ready == Ready::kUnknown) && !member.tainted;
  if (needs_taint) {
    member.granted = known.granted;
    member.waits_since_ns = known.waits_since_ns != 0 ? known.waits_since_ns : now_ns;
  }
  const auto facts = [](const Member& of) {
    return std::tie(of.zone, of.excluded, of.ready, of.tainted, of.any_no_execute);
  };
  const bool changed = fresh || facts(known) != facts(member);
  known = std::move(member);
  return changed;
}

bool Zones::remove(const std::string& node) {
  const std::lock_guard lock(mutex_);
  return nodes_.erase(node) > 0;
}

bool Zones::knows(const std::string& node) const {
  const std::lock_guard lock(mutex_);
  return nodes_.contains(node);
}

Execute Zones::execute(const std::string& node) const {
  const std::lock_guard lock(mutex_);
  if (halted_) return Execute::kRemove;
  const auto it = nodes_.find(node);
  return it != nodes_.end() && it->second.granted ? Execute::kAdd : Execute::kKeep;
}

bool Zones::concerns_pods(const std::string& node) const {
  const std::lock_guard lock(mutex_);
  const auto it = nodes_.find(node);
  return it == nodes_.end() || it->second.any_no_execute || it->second.ready != Ready::kTrue;
}

Zones::State Zones::Count::state(int64_t unhealthy_percent) const {
  if (ready == 0 && not_ready > 0) return State::kFull;
  if (not_ready > 2 && not_ready * 100 >= unhealthy_percent * (ready + not_ready)) return State::kPartial;
  return State::kNormal;
}

std::map<std::string, Zones::Count> Zones::count_locked() const {
  std::map<std::string, Count> counts;
  for (const auto& [name, member] : nodes_) {
    if (member.excluded) continue;
    auto& count = counts[member.zone];
    ++(member.ready == Ready::kTrue ? count.ready : count.not_ready);
  }
  return counts;
}

// Who had to wait goes on waiting, for as long as the new period is.
void Zones::set_period(Zone& zone, int64_t period_ms, int64_t now_ns) {
  if (zone.period_ms == period_ms) return;
  const bool waits = zone.period_ms == kNever || now_ns < zone.next_ns;
  zone.period_ms = period_ms;
  if (waits && period_ms != kNever) zone.next_ns = later(now_ns, period_ms * kNanosPerMilli);
}

void Zones::set_state_locked(Zone& zone, State state, int64_t nodes, int64_t now_ns) const {
  zone.state = state;
  int64_t period = settings_.eviction_period_ms;
  if (state == State::kPartial) {
    period = nodes > settings_.large_cluster_threshold ? settings_.secondary_eviction_period_ms : 0;
  }
  set_period(zone, period == 0 ? kNever : period, now_ns);
}

// Nobody is ready. What was tainted for that loses it, and nothing is tainted
// until somebody is.
void Zones::halt_locked(Decision& decision, int64_t now_ns) {
  halted_ = true;
  for (auto& [key, zone] : zones_) {
    zone.state = State::kFull;
    set_period(zone, kNever, now_ns);
  }
  for (auto& [name, member] : nodes_) {
    member.granted = false;
    if (member.tainted) decision.look_at.push_back(name);
  }
}

Zones::Decision Zones::decide(int64_t now_ns) {
  Decision decision;
  const std::lock_guard lock(mutex_);
  std::set<std::string> present;
  for (const auto& [name, member] : nodes_) present.insert(member.zone);
  std::erase_if(zones_, [&](const auto& item) { return !present.contains(item.first); });
  const int64_t usual = settings_.eviction_period_ms == 0 ? kNever : settings_.eviction_period_ms;
  for (const auto& key : present) zones_.try_emplace(key, Zone{State::kInitial, usual, 0});

  const auto counts = count_locked();
  const int64_t unhealthy = settings_.unhealthy_zone_percent;
  const bool none_ready = !counts.empty() && std::all_of(counts.begin(), counts.end(), [&](const auto& item) {
    return item.second.state(unhealthy) == State::kFull;
  });
  if (none_ready) {
    if (!halted_) halt_locked(decision, now_ns);
    return decision;
  }
  decision.recovered = std::exchange(halted_, false);
  for (const auto& [key, count] : counts) {
    auto& zone = zones_[key];
    const auto state = count.state(unhealthy);
    if (zone.state != state || decision.recovered) {
      set_state_locked(zone, state, count.ready + count.not_ready, now_ns);
    }
  }
  grant_locked(decision, now_ns);
  return decision;
}

// To each zone whose time has come one node, the one that waits longest.
void Zones::grant_locked(Decision& decision, int64_t now_ns) {
  std::map<std::string, std::vector<std::pair<int64_t, std::string>>> waiting;
  for (const auto& [name, member] : nodes_) {
    if (member.waits_since_ns != 0 && !member.granted) waiting[member.zone].emplace_back(member.waits_since_ns, name);
  }
  for (auto& [key, nodes] : waiting) {
    auto& zone = zones_[key];
    if (zone.period_ms == kNever) continue;
    size_t left = nodes.size();
    if (now_ns >= zone.next_ns) {
      const auto& name = std::min_element(nodes.begin(), nodes.end())->second;
      nodes_[name].granted = true;
      decision.look_at.push_back(name);
      zone.next_ns = later(now_ns, zone.period_ms * kNanosPerMilli);
      --left;
    }
    const int64_t wait = until_ms(zone.next_ns, now_ns);
    if (left > 0 && (decision.wait_ms == 0 || wait < decision.wait_ms)) decision.wait_ms = wait;
  }
}

}  // namespace gantry::nodelifecycle
