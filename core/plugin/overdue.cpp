// Reconciles, maps and timers over their deadline: told, counted, and after so many the plugin is moved to a process of
// its own, if its configuration says so.
#include <algorithm>

#include "core/plugin/plugin_host.hpp"
#include "gantry/abi/log.h"

namespace gantry::plugin {
namespace {

// Strikes that lie further back are forgiven.
constexpr int64_t kForgivenAfterNs = 600'000'000'000;

std::string seconds(int64_t ms) { return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + " s"; }

}  // namespace

void PluginHost::overdue(const Watchdog::Overdue& call) {
  Plugin& plugin = call.instance.plugin();
  const auto& limits = call.instance.watch();
  const auto number = call.instance.image().number;
  const auto text =
      "the " + call.what + " has run for " + seconds(call.ran_ms) + ", its deadline is " + seconds(limits.deadline_ms);
  std::string stack;
  for (const auto& frame : call.stack) stack += (stack.empty() ? "" : "\n") + frame;
  bool move = false;
  plugin.change([&](PluginInfo& info) {
    const int64_t now = options_.clock->now_unix_ns();
    ++info.overdue;
    if (!call.again) ++info.overdue_now;
    info.last_overdue = text;
    info.last_overdue_stack = stack;
    const bool forgiven = now - std::exchange(info.last_overdue_unix_ns, now) > kForgivenAfterNs;
    if (info.image.number != number) return;  // an instance that was replaced long ago
    info.strikes = forgiven ? 1 : info.strikes + 1;
    move = limits.isolate && info.strikes >= limits.strikes;
    if (move) info.strikes = 0;  // should the move fail, so many are needed again
  });
  options_.log("", GANTRY_LOG_WARN, "plugin " + plugin.name() + ": " + text + "; its thread is here:");
  if (call.stack.empty()) options_.log("", GANTRY_LOG_WARN, "  (it does not answer: it is deep in the kernel)");
  for (size_t i = 0; i < call.stack.size(); ++i) {
    options_.log("", GANTRY_LOG_WARN, "  #" + std::to_string(i) + " " + call.stack[i]);
  }
  if (move) reaper_.post([this, name = plugin.name(), number] { move_out(name, number); });
}

void PluginHost::overdue_ended(Instance& instance, const std::string& what, int64_t ran_ms) {
  Plugin& plugin = instance.plugin();
  plugin.change([](PluginInfo& info) { info.overdue_now -= std::min<uint64_t>(info.overdue_now, 1); });
  options_.log("", GANTRY_LOG_WARN,
               "plugin " + plugin.name() + ": the " + what + " has ended, after " + seconds(ran_ms));
}

void PluginHost::move_out(const std::string& name, uint64_t copy) {
  const std::lock_guard lock(change_mutex_);
  const auto plugin = find_any(name);
  const auto found = settings_.find(name);
  if (plugin == nullptr || found == settings_.end() || plugin->info().image.number != copy) return;
  auto settings = found->second;
  settings.isolation.process = true;
  options_.log("", GANTRY_LOG_WARN,
               "plugin " + name + ": its calls were over their deadline " + std::to_string(settings.watch.strikes) +
                   " times: it moves to a process of its own");
  const bool known = !moved_.insert(name).second;
  if (replace(*plugin, settings, Rest::kHopeless).ok() || known) return;
  moved_.erase(name);
}

PluginSettings PluginHost::effective(const PluginSettings& settings) {
  auto now = settings;
  if (!settings.watch.isolate) moved_.erase(settings.name);
  if (moved_.contains(settings.name)) now.isolation.process = true;
  return now;
}

}  // namespace gantry::plugin
