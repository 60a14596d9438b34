#include "memory.hpp"

namespace gantry::cronjob {
namespace {

constexpr size_t kMostSaid = 64;

}  // namespace

// Another object of the same name is a new one.
Memory::Known& Memory::known(const Key& key, std::string_view uid) {
  auto& known = known_[key];
  if (known.uid != uid) known = Known{.uid = std::string(uid), .schedule = {}, .said = {}};
  return known;
}

int64_t Memory::schedule_since(const Key& key, std::string_view uid, std::string_view schedule, int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  auto& one = known(key, uid);
  if (one.schedule == schedule) return one.since_ns;
  if (!one.schedule.empty()) one.since_ns = now_ns;
  one.schedule = schedule;
  return one.since_ns;
}

bool Memory::is_news(const Key& key, std::string_view uid, const std::string& text) {
  const std::lock_guard lock(mutex_);
  auto& said = known(key, uid).said;
  if (said.contains(text)) return false;
  if (said.size() >= kMostSaid) said.clear();
  return said.insert(text).second;
}

bool Memory::knows(const Key& key, std::string_view uid, const std::string& text) const {
  const std::lock_guard lock(mutex_);
  const auto it = known_.find(key);
  return it != known_.end() && it->second.uid == uid && it->second.said.contains(text);
}

void Memory::forget(const Key& key) {
  const std::lock_guard lock(mutex_);
  known_.erase(key);
}

size_t Memory::size() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

}  // namespace gantry::cronjob
