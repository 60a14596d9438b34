#include "core/node/pod/backoff.hpp"

#include <algorithm>

namespace gantry::node {

int64_t Backoff::remaining_ns(const std::string& key, int64_t event_ns, int64_t now_ns) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end() || expired(found->second, event_ns)) return 0;
  return std::max<int64_t>(0, event_ns + found->second.delay - now_ns);
}

int64_t Backoff::delay_ns(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() ? 0 : found->second.delay;
}

int64_t Backoff::age_ns(const std::string& key, int64_t now_ns) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  return found == entries_.end() ? 0 : now_ns - found->second.updated;
}

void Backoff::next(const std::string& key, int64_t event_ns, int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  auto& entry = entries_[key];
  const bool fresh = entry.delay == 0 || expired(entry, event_ns);
  entry.delay = fresh ? kFirst : std::min(kMax, 2 * entry.delay);
  entry.updated = now_ns;
}

void Backoff::forget(const std::string& prefix) {
  const std::lock_guard lock(mutex_);
  auto from = entries_.lower_bound(prefix);
  while (from != entries_.end() && from->first.starts_with(prefix)) from = entries_.erase(from);
}

}  // namespace gantry::node
