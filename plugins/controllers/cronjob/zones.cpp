#include "zones.hpp"

#include "gantry/times.hpp"

namespace gantry::cronjob {
namespace {

constexpr int64_t kFreshNs = 3600 * kNanosPerSecond;
constexpr size_t kMost = 600;  // as many as there are

}  // namespace

Expected<sdk::TimeZone> Zones::get(const std::string& name, int64_t monotonic_ns) {
  const std::lock_guard lock(mutex_);
  const auto known = read_.find(name);
  if (known != read_.end() && between(known->second.at_ns, monotonic_ns) < kFreshNs) return known->second.zone;
  auto zone = name.empty() ? Expected<sdk::TimeZone>(sdk::TimeZone::local()) : sdk::TimeZone::load(name);
  if (!zone) return zone;
  if (read_.size() >= kMost) read_.clear();
  read_.insert_or_assign(name, Read{*zone, monotonic_ns});
  return zone;
}

}  // namespace gantry::cronjob
