// A plugin's process ended unasked: it is started anew, at once the first time, then after longer and longer waits.
#include <algorithm>

#include "core/plugin/plugin_host.hpp"
#include "gantry/abi/log.h"

namespace gantry::plugin {
namespace {

constexpr int64_t kFirstWaitMs = 250, kLongestWaitMs = 300'000;
// Who ran for this long before is forgiven what was earlier.
constexpr int64_t kForgivenNs = 600'000'000'000;

int64_t wait_ms(uint32_t crashes) {
  if (crashes <= 1) return 0;
  return std::min(kFirstWaitMs << std::min<uint32_t>(crashes - 2, 20), kLongestWaitMs);
}

}  // namespace

bool PluginHost::over() const {
  const std::lock_guard lock(alive_->mutex);
  return !alive_->yes || alive_->stopping;
}

void PluginHost::crashed(const std::string& name, uint64_t copy, const std::string& cause) {
  // Borrowed: were this the last to own it, its instance would end on the very thread that this end waits for.
  Plugin* plugin = nullptr;
  {
    const std::lock_guard lock(mutex_);
    if (const auto* known = find_locked(name)) plugin = known->get();
  }
  if (plugin == nullptr || over()) return;
  int64_t wait = -1;
  if (plugin->info().image.number < copy) {
    const std::lock_guard lock(mutex_);
    early_crashes_[copy] = cause;
  }
  plugin->change([&](PluginInfo& info) {
    // One that was replaced meanwhile, or does not run yet, is nobody's loss.
    if (info.image.number != copy || info.phase != PluginPhase::kRunning) return;
    const bool ran_long = options_.clock->now_unix_ns() - info.since_unix_ns > kForgivenNs;
    info.crashes = ran_long ? 1 : info.crashes + 1;
    info.phase = PluginPhase::kCrashed;
    info.message = cause;
    wait = wait_ms(info.crashes);
  });
  if (wait < 0) return;
  options_.log("", GANTRY_LOG_ERROR,
               "plugin " + name + " crashed: " + cause + "; it is started anew" +
                   (wait == 0 ? std::string() : " in " + std::to_string(wait) + " ms"));
  restart_in(wait, name, copy);
}

void PluginHost::restart_in(int64_t after_ms, const std::string& name, uint64_t copy) {
  options_.timers->start(after_ms, [this, alive = alive_, name, copy] {
    const std::lock_guard lock(alive->mutex);
    if (alive->yes && !alive->stopping) reaper_.post([this, name, copy] { restart(name, copy); });
  });
}

// The process of what has just become the plugin's instance may have ended a moment before.
void PluginHost::note_early_crash(const std::string& name, uint64_t copy) {
  std::string cause;
  {
    const std::lock_guard lock(mutex_);
    const auto found = early_crashes_.find(copy);
    if (found != early_crashes_.end()) cause = found->second;
    early_crashes_.clear();
  }
  if (!cause.empty()) crashed(name, copy, cause);
}

void PluginHost::restart(const std::string& name, uint64_t copy) {
  const std::lock_guard lock(change_mutex_);
  const auto plugin = find_any(name);
  const auto settings = settings_.find(name);
  if (over() || plugin == nullptr || settings == settings_.end()) return;
  const auto info = plugin->info();
  if (info.phase != PluginPhase::kCrashed || info.image.number != copy) return;
  if (replace(*plugin, settings->second).ok()) return;
  // Not even loadable now; who mends it reloads it, and until then this is tried again.
  uint32_t crashes = 0;
  plugin->change([&](PluginInfo& failed) { crashes = ++failed.crashes; });
  restart_in(wait_ms(crashes), name, copy);
}

}  // namespace gantry::plugin
