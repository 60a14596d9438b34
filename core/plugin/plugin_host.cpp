#include "core/plugin/plugin_host.hpp"

#include <algorithm>
#include <optional>

#include "core/files/errno_status.hpp"
#include "core/limits/notices.hpp"
#include "core/plugin/host_interfaces.hpp"
#include "core/plugin/long_calls.hpp"
#include "core/plugin/metrics_registry.hpp"
#include "gantry/abi/log.h"

namespace gantry::plugin {

namespace fs = std::filesystem;

PluginHost::PluginHost(PluginHostOptions options)
    : options_(std::move(options)),
      metrics_(std::make_unique<MetricsRegistry>()),
      tried_(options_.data_dir / "plugins-tried"),
      crashes_(options_.data_dir / "plugins-crashed", options_.record_crashes),
      long_calls_(std::make_unique<LongCalls>()),
      reaper_("plugin-reaper", 1),
      watchdog_({[this](const Watchdog::Overdue& call) { overdue(call); },
                 [this](Instance& instance, const std::string& what, int64_t ran_ms) {
                   overdue_ended(instance, what, ran_ms);
                 }}) {
  // Copies that an earlier run left; nobody maps them, this run's are made under new names. Only below an absolute
  // folder: without one this would be the "plugins" of wherever the process happens to stand.
  std::error_code ignored;
  if (options_.run_dir.is_absolute()) fs::remove_all(options_.run_dir / "plugins", ignored);
  if (!crashes_.trouble().ok()) {
    options_.log("", GANTRY_LOG_WARN,
                 "a plugin that ends the daemon will not be known at the next start: " + crashes_.trouble().message());
  }
  provide_basic_interfaces(*this);
  provide_other_plugins(*this);
}

PluginHost::~PluginHost() { shutdown(); }

std::vector<fs::path> PluginHost::discover(const std::vector<fs::path>& dirs, std::vector<Status>& unread) {
  std::map<std::string, fs::path> found;
  for (const auto& dir : dirs) {
    std::error_code error;
    for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".so") found.emplace(it->path().stem().string(), it->path());
    }
    if (error) unread.push_back(files::status_of_errno(dir.string(), error.value()));
  }
  std::vector<fs::path> paths;
  for (auto& [name, path] : found) paths.push_back(std::move(path));
  return paths;
}

void PluginHost::provide(std::string id, const void* table, MakeState make) {
  provided_[std::move(id)] = {table, std::move(make)};
}

const void* PluginHost::host_interface(std::string_view id) const {
  const auto it = provided_.find(id);
  return it == provided_.end() ? nullptr : it->second.table;
}

std::shared_ptr<Plugin> PluginHost::place(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (const auto* known = find_locked(name)) return *known;
  plugins_.push_back(std::make_shared<Plugin>(*this, name));
  plugins_.back()->info_.name = name;
  return plugins_.back();
}

Expected<std::shared_ptr<Plugin>> PluginHost::load(const PluginSettings& settings) {
  const std::lock_guard lock(change_mutex_);
  if (const auto loaded = find(settings.name)) {
    const auto why =
        Status::already_exists("a plugin of this name is already loaded from " + loaded->info().image.path);
    options_.log("", GANTRY_LOG_ERROR, "plugin " + settings.name + " was not loaded: " + why.message());
    return why;
  }
  const auto plugin = place(settings.name);
  if (auto done = bring(*plugin, settings); !done.ok()) return done;
  return plugin;
}

Status PluginHost::reload(const PluginSettings& settings) {
  const std::lock_guard lock(change_mutex_);
  return bring(*place(settings.name), settings);
}

Status PluginHost::bring(Plugin& plugin, const PluginSettings& given) {
  if (const auto* heir = plugin.heir()) {
    return Status::conflict("plugin " + plugin.name() + " is replaced by " + heir->name());
  }
  auto known = contained(plugin, given);
  if (!known) {
    note_failure(plugin, given, {}, known.error());
    return std::move(known).error();
  }
  const auto& settings = *known;
  const auto old = settings.replaces == settings.name ? nullptr : find_any(settings.replaces);
  const bool takes_over = old != nullptr && old->current() != nullptr && plugin.current() == nullptr;
  if (takes_over) return take_over(plugin, *old, settings);
  auto done = replace(plugin, settings);
  if (done.ok()) settle_places(plugin, settings.replaces);
  return done;
}

Expected<PluginSettings> PluginHost::contained(Plugin& plugin, const PluginSettings& settings) {
  auto now = settings;
  std::optional<Crash> crash;
  if (!settings.isolation.process && crashes_.knows(settings.name)) {
    const auto digest = sha256_of(settings.path);
    if (!digest) return digest.error();
    crash = crashes_.find(settings.name, TriedImages::key(*digest, settings.config_text));
  }
  const auto before = plugin.info().crash;
  const auto text = crash ? crash->sentence() : std::string();
  if (text != before) plugin.change([&](PluginInfo& info) { info.crash = text; });
  if (!crash) return now;
  const auto until = ", until its file or its configuration changes or 'gantryctl plugin reload " + settings.name + "'";
  if (!options_.open_isolated || !options_.try_images) return Status::unavailable("left out" + until + ": " + text);
  if (text != before) {
    options_.log("", GANTRY_LOG_ERROR,
                 "plugin " + settings.name + " runs in a process of its own" + until + ": " + text);
  }
  now.isolation.process = true;
  return now;
}

void PluginHost::forgive(const std::string& name) {
  if (!crashes_.forget(name)) return;
  options_.log("", GANTRY_LOG_INFO, "plugin " + name + ": that it ended the daemon is forgotten");
}

std::vector<std::string> PluginHost::stuck_calls(int64_t ms) {
  auto found = watchdog_.running_for(ms);
  for (auto& call : main_thread_.stuck(ms)) found.push_back(std::move(call));
  return found;
}

void PluginHost::add_user(PluginUser* user) {
  const std::lock_guard lock(change_mutex_);
  users_.push_back(user);
}

void PluginHost::remove_user(PluginUser* user) {
  const std::lock_guard lock(change_mutex_);
  std::erase(users_, user);
}

void PluginHost::on_change(std::function<void(const Plugin&)> told) {
  const std::lock_guard lock(mutex_);
  told_ = std::move(told);
}

void PluginHost::notify(const Plugin& plugin) {
  std::function<void(const Plugin&)> told;
  {
    const std::lock_guard lock(mutex_);
    told = told_;
  }
  if (told) told(plugin);
}

std::vector<PluginInfo> PluginHost::list() const {
  std::vector<PluginInfo> infos;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& plugin : plugins_) infos.push_back(plugin->info());
  }
  std::sort(infos.begin(), infos.end(), [](const PluginInfo& a, const PluginInfo& b) { return a.name < b.name; });
  return infos;
}

std::vector<std::shared_ptr<Plugin>> PluginHost::with_interface(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Plugin>> found;
  for (const auto& plugin : plugins_) {
    const auto now = plugin->current();
    if (now != nullptr && now->find_interface(id) != nullptr) found.push_back(plugin);
  }
  return found;
}

const std::shared_ptr<Plugin>* PluginHost::find_locked(std::string_view name) const {
  const auto found = std::ranges::find(plugins_, name, [](const auto& plugin) { return plugin->name(); });
  return found == plugins_.end() ? nullptr : &*found;
}

std::shared_ptr<Plugin> PluginHost::find_any(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto* known = find_locked(name);
  return known == nullptr ? nullptr : *known;
}

std::shared_ptr<Plugin> PluginHost::find(std::string_view name) const {
  auto plugin = find_any(name);
  return plugin != nullptr && plugin->acting().current() != nullptr ? plugin : nullptr;
}

void PluginHost::begin_stop() {
  {
    const std::lock_guard lock(alive_->mutex);
    alive_->stopping = true;
  }
  std::vector<std::shared_ptr<Plugin>> plugins;
  {
    const std::lock_guard lock(mutex_);
    plugins = plugins_;
  }
  for (const auto& plugin : plugins) {
    if (const auto instance = plugin->current()) instance->hurry();
  }
}

void PluginHost::trouble(std::string_view topic, const Plugin& plugin, std::string_view text) const {
  if (options_.notices != nullptr) options_.notices->tell(topic, plugin.name(), GANTRY_LOG_WARN, text);
}

void PluginHost::shutdown() {
  begin_stop();
  {
    const std::lock_guard lock(alive_->mutex);
    alive_->yes = false;
  }
  {
    const std::lock_guard change(change_mutex_);
    for (const auto& old : retired_) old->hurry();
  }
  long_calls_->stop();
  watchdog_.stop();
  reaper_.stop();
  const std::lock_guard change(change_mutex_);
  users_.clear();
  retired_.clear();
  std::vector<std::shared_ptr<Plugin>> plugins;
  {
    const std::lock_guard lock(mutex_);
    plugins.swap(plugins_);
    told_ = nullptr;
  }
  while (!plugins.empty()) plugins.pop_back();
}

}  // namespace gantry::plugin
