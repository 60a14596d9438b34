#include "core/daemon/plugin_control.hpp"

#include "core/plugin/library.hpp"
#include "gantry/abi/log.h"

namespace gantry::daemon {

using plugin::PluginPhase;

namespace {

std::vector<std::filesystem::path> folders(const Config& config) {
  return {config.plugin_dirs.begin(), config.plugin_dirs.end()};
}

}  // namespace

std::vector<std::string> plugin_mistakes(const Config& config) {
  std::vector<Status> unread;
  std::set<std::string> names;
  for (const auto& path : plugin::PluginHost::discover(folders(config), unread)) names.insert(path.stem().string());
  std::vector<std::string> mistakes;
  for (const auto& why : unread) mistakes.push_back("plugins.dirs: " + why.message());
  if (!unread.empty()) return mistakes;
  for (const auto& [name, plugin] : config.plugins) {
    if (!names.contains(name)) {
      mistakes.push_back(plugin.place + ": there is no such plugin: no file " + name + ".so in plugins.dirs");
    }
    if (!plugin.replaces.empty() && !names.contains(plugin.replaces)) {
      mistakes.push_back(plugin.place + ".replaces: there is no plugin \"" + plugin.replaces + "\": no file " +
                         plugin.replaces + ".so in plugins.dirs");
    }
  }
  return mistakes;
}

PluginControl::PluginControl(const Config& config, plugin::PluginHost& host, Logger log)
    : config_(config), host_(host), log_(std::move(log)) {}

// Without a folder that is missing or closed to the daemon the others do; but what fails for now must not look like
// plugins that are gone.
Expected<PluginControl::WantedByName> PluginControl::wanted_of(const Config& config) const {
  WantedByName found;
  std::vector<Status> unread;
  for (const auto& path : plugin::PluginHost::discover(folders(config), unread)) {
    found[path.stem().string()].settings.path = path;
  }
  for (const auto& why : unread) {
    if (why.code() != 404 && why.code() != 403) return Status(why).in("plugins.dirs");
  }
  for (const auto& [name, plugin] : config.plugins) {
    auto& wanted = found[name];
    wanted.enabled = plugin.enabled;
    wanted.settings.sha256 = plugin.sha256;
    wanted.settings.required = plugin.required;
    wanted.settings.config = plugin.table;
    wanted.settings.config_text = plugin.text;
    wanted.settings.isolation = plugin.isolation;
    wanted.settings.watch = plugin.watch;
    wanted.settings.replaces = plugin.replaces;
    wanted.table = plugin.text;
  }
  for (auto& [name, wanted] : found) wanted.settings.name = name;
  return found;
}

Expected<Config> PluginControl::current() const {
  return config_.file.empty() ? Expected<Config>(config_) : load_config(config_.file);
}

Expected<PluginControl::WantedByName> PluginControl::wanted() const {
  auto config = current();
  if (!config) return std::move(config).error();
  return wanted_of(*config);
}

Status PluginControl::load(const Wanted& wanted) {
  if (!wanted.enabled) {
    return Status::forbidden("plugin \"" + wanted.settings.name + "\" is switched off by the configuration: plugin." +
                             wanted.settings.name + ".enabled is false");
  }
  if (wanted.settings.path.empty()) {
    return Status::not_found("no file " + wanted.settings.name + ".so in plugins.dirs");
  }
  auto done = host_.reload(wanted.settings);
  if (done.ok()) {
    const std::lock_guard lock(mutex_);
    tables_[wanted.settings.name] = wanted.table;
    off_by_file_.erase(wanted.settings.name);
  }
  return done;
}

Status PluginControl::switch_off_by_file(const std::string& name) {
  auto done = host_.disable(name);
  const std::lock_guard lock(mutex_);
  if (done.ok()) off_by_file_.insert(name);
  return done;
}

bool PluginControl::off_by_file(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return off_by_file_.contains(name);
}

bool PluginControl::is_replaced(const std::string& name) const {
  const auto plugin = host_.find_any(name);
  return plugin != nullptr && plugin->info().phase == PluginPhase::kReplaced;
}

Status PluginControl::load_all(const std::set<std::string>& off) {
  auto found = wanted_of(config_);
  if (!found) return std::move(found).error();
  const auto& all = *found;
  say_mistakes(config_);
  // Successors first: whom they replace is not even loaded, unless they fail.
  std::vector<std::string> order;
  for (const bool successors : {true, false}) {
    for (const auto& [name, wanted] : all) {
      if (wanted.settings.replaces.empty() != successors) order.push_back(name);
    }
  }
  for (const auto& name : order) {
    const auto& wanted = all.at(name);
    if (is_replaced(name)) continue;
    if (wanted.settings.path.empty()) {
      if (!wanted.enabled || !wanted.settings.required) continue;
      return Status::not_found("required plugin " + name + ": no such file in plugins.dirs");
    }
    if (!wanted.enabled || off.contains(name)) {
      (void)(wanted.enabled ? host_.disable(name) : switch_off_by_file(name));
      continue;
    }
    const auto loaded = load(wanted);
    if (!loaded.ok() && wanted.settings.required) return Status(loaded).in("required plugin " + name);
  }
  return {};
}

Status PluginControl::reload(const std::string& name, bool forgive) {
  auto all = wanted();
  if (!all) return std::move(all).error();
  const auto found = all->find(name);
  if (found == all->end()) {
    return Status::not_found("plugin \"" + name + "\" not found: no file " + name + ".so in plugins.dirs");
  }
  if (forgive) host_.forgive(name);
  return load(found->second);
}

Status PluginControl::disable(const std::string& name) {
  const auto plugin = host_.find_any(name);
  if (plugin == nullptr) return Status::not_found("plugin \"" + name + "\" not found");
  if (plugin->info().required) {
    return Status::forbidden("plugin \"" + name + "\" is required by the configuration; remove plugin." + name +
                             ".required first");
  }
  return host_.disable(name);
}

bool PluginControl::differs(const Wanted& next, const plugin::PluginInfo& now) const {
  if (now.phase == PluginPhase::kFailed || !now.message.empty() || now.image.path != next.settings.path.string())
    return true;
  {
    const std::lock_guard lock(mutex_);
    const auto known = tables_.find(next.settings.name);
    if (known == tables_.end() || known->second != next.table) return true;
  }
  const auto digest = plugin::sha256_of(next.settings.path);
  return digest && *digest != now.image.sha256;
}

void PluginControl::say_mistakes(const Config& config) const {
  for (const auto& mistake : plugin_mistakes(config)) log_(GANTRY_LOG_WARN, mistake);
}

Status PluginControl::apply_configuration() {
  auto config = current();
  if (!config) return std::move(config).error();
  auto all = wanted_of(*config);
  if (!all) return std::move(all).error();
  say_mistakes(*config);
  size_t failed = 0;
  std::vector<std::string> replaced;
  for (const auto& [name, next] : *all) {
    if (is_replaced(name)) {
      replaced.push_back(name);
      continue;
    }
    const auto plugin = host_.find_any(name);
    const bool runs = plugin != nullptr && host_.find(name) != nullptr;
    if (!next.enabled) {
      if (runs && !switch_off_by_file(name).ok()) ++failed;
      continue;
    }
    // One that was switched off through its object stays so: the file says nothing about it.
    if (plugin != nullptr && plugin->info().phase == PluginPhase::kDisabled && !off_by_file(name)) continue;
    if (next.settings.path.empty() || (runs && !differs(next, plugin->info()))) continue;
    if (!load(next).ok()) ++failed;
  }
  // Whose successor has gone comes back.
  for (const auto& name : replaced) {
    const auto& next = all->at(name);
    if (!is_replaced(name) && next.enabled && !next.settings.path.empty() && !load(next).ok()) ++failed;
  }
  if (failed == 0) return {};
  return Status::internal(std::to_string(failed) + (failed == 1 ? " plugin" : " plugins") + " could not be changed");
}

void PluginControl::file_changed(const std::filesystem::path& path) {
  const auto name = path.stem().string();
  auto all = wanted();
  if (!all) return log_(GANTRY_LOG_ERROR, path.string() + " is new, but: " + all.error().message());
  const auto found = all->find(name);
  if (found == all->end() || found->second.settings.path != path || !found->second.enabled) return;
  const auto plugin = host_.find_any(name);
  if (plugin != nullptr) {
    const auto info = plugin->info();
    const auto digest = plugin::sha256_of(path);
    const bool loaded = digest && *digest == info.image.sha256 && info.message.empty();
    const bool idle = info.phase == PluginPhase::kDisabled || info.phase == PluginPhase::kReplaced;
    if (idle || loaded) return;
  }
  (void)load(found->second);
}

}  // namespace gantry::daemon
