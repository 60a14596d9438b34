#include "heartbeats.hpp"

#include <algorithm>

#include "gantry/times.hpp"
#include "health.hpp"

namespace gantry::nodelifecycle {

void Heartbeats::lease(const std::string& node, int64_t renewed_ns, int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  auto& heard = nodes_[node];
  if (renewed_ns <= heard.renewed_ns) return;
  heard.renewed_ns = renewed_ns;
  heard.at_ns = now_ns;
}

int64_t Heartbeats::silent_after_ms(const corev1::Node& node, const Settings& settings, int64_t now_ns) {
  const auto* ready = ready_condition(node);
  const int64_t heartbeat_ns = ready == nullptr ? 0 : to_ns(ready->last_heartbeat_time());
  const std::lock_guard lock(mutex_);
  auto& heard = nodes_[node.metadata().name()];
  if (heard.uid != node.metadata().uid()) {
    const int64_t since = ready == nullptr ? to_ns(node.metadata().creation_timestamp()) : now_ns;
    heard = {node.metadata().uid(), std::max(heard.at_ns, since), heard.renewed_ns, ready != nullptr, heartbeat_ns};
  } else if (heard.reported != (ready != nullptr) || heard.heartbeat_ns != heartbeat_ns) {
    heard.reported = ready != nullptr;
    heard.heartbeat_ns = heartbeat_ns;
    heard.at_ns = now_ns;
  }
  const int64_t grace_ms = ready == nullptr ? settings.startup_grace_ms : settings.monitor_grace_ms;
  return until_ms(later(heard.at_ns, grace_ms * kNanosPerMilli), now_ns);
}

void Heartbeats::forget(const std::string& node) {
  const std::lock_guard lock(mutex_);
  nodes_.erase(node);
}

void Heartbeats::restart(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  for (auto& [name, heard] : nodes_) heard.at_ns = now_ns;
}

}  // namespace gantry::nodelifecycle
