#include "failed_pods.hpp"

#include <algorithm>

namespace gantry::daemonset {
namespace {

constexpr int64_t kSweepMs = 60'000;

}  // namespace

int64_t FailedPods::wait_ms(const std::string& key, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  if (now_ms - swept_ms_ >= kSweepMs) forget_locked(now_ms);
  auto [it, is_new] = turns_.try_emplace(key);
  auto& turn = it->second;
  if (is_new || is_over(turn, now_ms)) {
    turn = {.since_ms = now_ms, .wait_ms = kFirstMs};
    return 0;
  }
  const int64_t left = turn.since_ms + turn.wait_ms - now_ms;
  if (left > 0) return left;
  turn = {.since_ms = now_ms, .wait_ms = std::min(2 * turn.wait_ms, kLongestMs)};
  return 0;
}

size_t FailedPods::known() const {
  const std::lock_guard lock(mutex_);
  return turns_.size();
}

void FailedPods::forget_locked(int64_t now_ms) {
  swept_ms_ = now_ms;
  std::erase_if(turns_, [&](const auto& item) { return is_over(item.second, now_ms); });
}

}  // namespace gantry::daemonset
