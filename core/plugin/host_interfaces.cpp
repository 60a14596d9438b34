#include "core/plugin/host_interfaces.hpp"

#include <optional>
#include <string>
#include <vector>

#include "core/plugin/bounds.hpp"
#include "core/plugin/metrics_registry.hpp"
#include "core/plugin/plugin_host.hpp"
#include "gantry/abi.pb.h"
#include "gantry/abi/clock.h"
#include "gantry/abi/config.h"
#include "gantry/abi/log.h"
#include "gantry/abi/metrics.h"
#include "gantry/abi/tasks.h"
#include "gantry/abi/timer.h"
#include "gantry/status_proto.hpp"

namespace gantry::plugin {
namespace {

constexpr size_t kMaxLine = 16 * 1024;
const std::string kTooMuchLog = "it logs more than " + std::to_string(bounds::kLogPerSecond >> 10) + " KiB a second";

PluginHost& owner(const gantry_host* host) { return Plugin::of(host).host(); }

void log_write(const gantry_host* host, int32_t level, gantry_slice message) {
  auto& plugin = Plugin::of(host);
  const auto& options = plugin.host().options();
  if (level < options.log_level) return;
  const auto line = to_view(message).substr(0, kMaxLine);
  uint64_t dropped = 0;
  if (!plugin.log_budget().take(line.size(), SystemClock().monotonic_ns(), &dropped)) {
    return plugin.host().trouble("plugin-log", plugin, "lines of its log are dropped: " + kTooMuchLog);
  }
  if (dropped > 0) {
    options.log(plugin.name(), GANTRY_LOG_WARN, std::to_string(dropped) + " of its lines were dropped: " + kTooMuchLog);
  }
  options.log(plugin.name(), level, line);
}
int32_t log_enabled(const gantry_host* host, int32_t level) { return level >= owner(host).options().log_level ? 1 : 0; }
constexpr gantry_log kLog = {sizeof(gantry_log), &log_write, &log_enabled};

// The common shape of get_*: absent, wrong, or handed to `store`.
template <typename T, typename Store>
gantry_code config_get(const gantry_host* host, Expected<std::optional<T>> (ConfigTable::*get)(std::string_view),
                       gantry_slice key, gantry_buffer* error, Store&& store) {
  ConfigTable* table = Instance::of(host).config();
  if (table == nullptr) return 404;
  auto value = (table->*get)(to_view(key));
  if (!value) return fail(value.error(), error);
  if (!value->has_value()) return 404;
  store(**value);
  return 0;
}
gantry_code config_string(const gantry_host* host, gantry_slice key, gantry_buffer* value, gantry_buffer* error) {
  return config_get(host, &ConfigTable::get_string, key, error,
                    [&](const std::string& text) { fill_buffer(value, text); });
}
gantry_code config_int(const gantry_host* host, gantry_slice key, int64_t* value, gantry_buffer* error) {
  return config_get(host, &ConfigTable::get_int, key, error, [&](int64_t number) { *value = number; });
}
gantry_code config_bool(const gantry_host* host, gantry_slice key, int32_t* value, gantry_buffer* error) {
  return config_get(host, &ConfigTable::get_bool, key, error, [&](bool flag) { *value = flag ? 1 : 0; });
}
gantry_code config_strings(const gantry_host* host, gantry_slice key, gantry_buffer* value, gantry_buffer* error) {
  return config_get(host, &ConfigTable::get_strings, key, error, [&](const std::vector<std::string>& items) {
    gantry::abi::StringList list;
    for (const auto& item : items) list.add_items(item);
    fill_buffer(value, list.SerializeAsString());
  });
}
gantry_code config_daemon(const gantry_host* host, gantry_slice key, gantry_buffer* value, gantry_buffer* error) {
  const auto& plugin = Plugin::of(host);
  const auto& options = plugin.host().options();
  const auto name = to_view(key);
  if (name == "data_dir" || name == "run_dir") {
    const auto dir = (name == "data_dir" ? options.data_dir : options.run_dir / "state") / "plugins" / plugin.name();
    std::error_code failure;
    std::filesystem::create_directories(dir, failure);
    if (!failure) std::filesystem::permissions(dir, std::filesystem::perms::owner_all, failure);
    if (failure) return fail(Status::internal(dir.string() + ": " + failure.message()), error);
    fill_buffer(value, dir.string());
    return 0;
  }
  if (name == "plugin_dir") {
    fill_buffer(value, std::filesystem::path(Instance::of(host).image().path).parent_path().string());
    return 0;
  }
  const auto it = options.facts.find(name);
  if (it == options.facts.end()) return 404;
  fill_buffer(value, it->second);
  return 0;
}
constexpr gantry_config kConfig = {sizeof(gantry_config), &config_string,  &config_int,
                                   &config_bool,          &config_strings, &config_daemon};

int64_t clock_now(const gantry_host* host) { return owner(host).options().clock->now_unix_ns(); }
int64_t clock_monotonic(const gantry_host* host) { return owner(host).options().clock->monotonic_ns(); }
constexpr gantry_clock kClock = {sizeof(gantry_clock), &clock_now, &clock_monotonic};

uint64_t timer_start(const gantry_host* host, int64_t delay_ms, void (*fire)(void*), void* context) {
  return Instance::of(host).start_timer(delay_ms, fire, context);
}
void timer_cancel(const gantry_host* host, uint64_t id) { Instance::of(host).cancel_timer(id); }
constexpr gantry_timer kTimer = {sizeof(gantry_timer), &timer_start, &timer_cancel};

uint64_t metrics_declare(const gantry_host* host, int32_t kind, gantry_slice name, gantry_slice help,
                         gantry_slice labels) {
  return owner(host).metrics().declare(Plugin::of(host).name(), kind, to_view(name), to_view(help), to_view(labels));
}
void metrics_record(const gantry_host* host, uint64_t metric, double value) {
  owner(host).metrics().record(metric, value);
}
constexpr gantry_metrics kMetrics = {sizeof(gantry_metrics), &metrics_declare, &metrics_record};

gantry_code tasks_run(const gantry_host* host, void (*fn)(void*), void* context) {
  return Instance::of(host).run_task(fn, context);
}
constexpr gantry_tasks kTasks = {sizeof(gantry_tasks), &tasks_run};

}  // namespace

void provide_basic_interfaces(PluginHost& host) {
  host.provide(GANTRY_LOG_ID, &kLog);
  host.provide(GANTRY_CONFIG_ID, &kConfig);
  host.provide(GANTRY_CLOCK_ID, &kClock);
  host.provide(GANTRY_TIMER_ID, &kTimer);
  host.provide(GANTRY_METRICS_ID, &kMetrics);
  host.provide(GANTRY_TASKS_ID, &kTasks);
}

}  // namespace gantry::plugin
