#include "core/plugin/plugin_host.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "core/plugin/host_interfaces.hpp"
#include "core/plugin/interface_checks.hpp"
#include "core/plugin/library.hpp"
#include "core/plugin/metrics_registry.hpp"
#include "gantry/abi/log.h"
#include "gantry/status_proto.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

const void* get_host_interface(const gantry_host* host, const char* id) {
  return id == nullptr ? nullptr : Plugin::of(host).host().host_interface(id);
}

bool is_label(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > 63 || !plain(name.front()) || !plain(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '-'; });
}

std::string text_or_empty(const char* text) { return text == nullptr ? "" : text; }

}  // namespace

PluginHost::PluginHost(PluginHostOptions options)
    : options_(std::move(options)), metrics_(std::make_unique<MetricsRegistry>()) {
  // Copies that an earlier run left; nobody maps them, this run's are made under new names. Only below an absolute
  // folder: without one this would be the "plugins" of wherever the process happens to stand.
  std::error_code ignored;
  if (options_.run_dir.is_absolute()) fs::remove_all(options_.run_dir / "plugins", ignored);
  provide_basic_interfaces(*this);
}

PluginHost::~PluginHost() { shutdown(); }

std::vector<fs::path> PluginHost::discover(const std::vector<fs::path>& dirs) {
  std::map<std::string, fs::path> found;
  for (const auto& dir : dirs) {
    std::error_code error;
    for (fs::directory_iterator it(dir, error), end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".so") found.emplace(it->path().stem().string(), it->path());
    }
  }
  std::vector<fs::path> paths;
  for (auto& [name, path] : found) paths.push_back(std::move(path));
  return paths;
}

void PluginHost::provide(std::string id, const void* table) { provided_[std::move(id)] = table; }

const void* PluginHost::host_interface(std::string_view id) const {
  const auto it = provided_.find(id);
  return it == provided_.end() ? nullptr : it->second;
}

Expected<std::shared_ptr<Plugin>> PluginHost::load(const PluginSettings& settings) {
  PluginInfo info;
  info.name = settings.name;
  info.path = settings.path.string();
  info.required = settings.required;
  auto plugin = try_load(settings, info);
  const std::lock_guard lock(mutex_);
  if (!plugin) {
    info.phase = PluginPhase::kFailed;
    info.message = plugin.error().message();
    options_.log("", GANTRY_LOG_ERROR, "plugin " + info.name + " was not loaded: " + info.message);
    failed_[info.name] = std::move(info);
    return plugin;
  }
  failed_.erase(info.name);
  plugins_.push_back(*plugin);
  return plugin;
}

Status PluginHost::check_descriptor(const gantry_plugin_api& api, const PluginSettings& settings,
                                    PluginInfo& info) const {
  if (api.size < sizeof(gantry_plugin_api)) {
    return Status::invalid("its gantry_plugin has size " + std::to_string(api.size) + ", at least " +
                           std::to_string(sizeof(gantry_plugin_api)) + " is needed");
  }
  if (api.abi_major != GANTRY_ABI_MAJOR || api.abi_minor > GANTRY_ABI_MINOR) {
    return Status::invalid("it was built for ABI " + std::to_string(api.abi_major) + "." +
                           std::to_string(api.abi_minor) + ", this daemon speaks " +
                           std::to_string(GANTRY_ABI_MAJOR) + "." + std::to_string(GANTRY_ABI_MINOR) +
                           "; rebuild it with this release's SDK");
  }
  if (api.create == nullptr || api.destroy == nullptr || api.get_interface == nullptr) {
    return Status::invalid("its gantry_plugin lacks one of create, destroy, get_interface");
  }
  const auto* described = api.descriptor;
  if (described == nullptr || described->size < sizeof(gantry_plugin_descriptor) || described->interfaces == nullptr) {
    return Status::invalid("its descriptor is missing or too small");
  }
  const std::string name = text_or_empty(described->name);
  if (!is_label(name)) return Status::invalid("its name \"" + name + "\" is not a DNS-1123 label");
  if (name != settings.name) {
    return Status::invalid("it calls itself \"" + name + "\"; the file must then be " + name + ".so");
  }
  info.version = text_or_empty(described->version);
  info.vendor = text_or_empty(described->vendor);
  info.description = text_or_empty(described->description);
  for (const char* const* id = described->interfaces; *id != nullptr; ++id) info.interfaces.emplace_back(*id);
  return {};
}

Expected<std::shared_ptr<Plugin>> PluginHost::try_load(const PluginSettings& settings, PluginInfo& info) {
  if (find(settings.name) != nullptr) {
    return Status::already_exists("a plugin of this name is already loaded from " +
                                  find(settings.name)->info().path);
  }
  if (!options_.run_dir.is_absolute()) return Status::internal("the plugin host has no folder for copies of plugins");
  const auto copy = options_.run_dir / "plugins" / (settings.name + "." + std::to_string(++copies_) + ".so");
  auto library = LoadedLibrary::open(settings.path, copy, settings.sha256);
  if (!library) return Status(library.error());
  const gantry_plugin_api& api = (*library)->api();
  if (auto status = check_descriptor(api, settings, info); !status.ok()) return status;

  // Not make_shared: the constructor is private. The library member is destroyed after the destructor's body.
  const std::shared_ptr<Plugin> plugin(new Plugin());
  plugin->info_ = info;
  plugin->owner_ = this;
  plugin->config_ = settings.config;
  plugin->library_ = std::move(*library);
  plugin->api_ = &api;
  plugin->host_ = {sizeof(gantry_host), GANTRY_ABI_MAJOR, GANTRY_ABI_MINOR, plugin.get(), &get_host_interface};
  if (auto status = create_instance(*plugin); !status.ok()) return status;
  plugin->info_.phase = PluginPhase::kLoaded;
  info = plugin->info_;
  return plugin;
}

Status PluginHost::create_instance(Plugin& plugin) {
  Buffer error;
  void* instance = nullptr;
  const auto code = plugin.api_->create(&plugin.host_, &instance, error.out());
  if (code != 0) return status_of(code, error.view()).in("create failed");
  if (instance == nullptr) return Status::invalid("create succeeded but gave no instance");
  plugin.instance_ = instance;
  for (const auto& id : plugin.info_.interfaces) {
    const void* table = plugin.api_->get_interface(instance, id.c_str());
    if (table == nullptr) return Status::invalid("its descriptor lists " + id + ", but get_interface has none");
    if (auto status = check_interface(id, table); !status.ok()) return status;
    plugin.interfaces_[id] = table;
  }
  if (plugin.config_ != nullptr) {
    if (const auto unknown = plugin.config_->unknown_keys(); !unknown.empty()) return Status::invalid(unknown.front());
  }
  return {};
}

std::vector<PluginInfo> PluginHost::list() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, PluginInfo> sorted = failed_;
  for (const auto& plugin : plugins_) sorted[plugin->name()] = plugin->info();
  std::vector<PluginInfo> infos;
  for (auto& [name, info] : sorted) infos.push_back(std::move(info));
  return infos;
}

std::vector<std::shared_ptr<Plugin>> PluginHost::with_interface(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Plugin>> found;
  for (const auto& plugin : plugins_) {
    if (plugin->find_interface(id) != nullptr) found.push_back(plugin);
  }
  return found;
}

std::shared_ptr<Plugin> PluginHost::find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  for (const auto& plugin : plugins_) {
    if (plugin->name() == name) return plugin;
  }
  return nullptr;
}

void PluginHost::shutdown() {
  std::vector<std::shared_ptr<Plugin>> plugins;
  {
    const std::lock_guard lock(mutex_);
    plugins.swap(plugins_);
  }
  while (!plugins.empty()) plugins.pop_back();
}

}  // namespace gantry::plugin
