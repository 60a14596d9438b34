#include "core/daemon/config_plugins.hpp"

#include <optional>
#include <sstream>

namespace gantry::daemon {
namespace {

std::string text_of(const toml::table& table) {
  std::ostringstream text;
  text << toml::toml_formatter(table);
  return text.str();
}

// The strings of an array; nothing when it is something else.
std::optional<std::vector<std::string>> names_of(const toml::node& node) {
  if (!node.is_array()) return std::nullopt;
  std::vector<std::string> names;
  for (const auto& item : *node.as_array()) {
    if (!item.is_string()) return std::nullopt;
    names.push_back(item.as_string()->get());
  }
  return names;
}

template <typename Take>
void read_watchdog(plugin::WatchLimits& watch, const Take& take) {
  int64_t strikes = watch.strikes;
  std::string act = "report";
  take("reconcile_deadline_ms", watch.deadline_ms, "a whole number of milliseconds from 0 (never) to a day",
       [](int64_t ms) { return ms >= 0 && ms <= 86'400'000; });
  take("watchdog_strikes", strikes, "a whole number from 1 to 1000", [](int64_t n) { return n >= 1 && n <= 1'000; });
  take("watchdog", act, "\"report\" or \"isolate\"",
       [](const std::string& text) { return text == "report" || text == "isolate"; });
  watch.strikes = static_cast<uint32_t>(strikes);
  watch.isolate = act == "isolate";
}

toml::table written(const PluginConfig& plugin) {
  toml::table keys_of_it;
  if (const auto* own = dynamic_cast<const TomlPluginTable*>(plugin.table.get())) keys_of_it = own->table();
  keys_of_it.insert("enabled", plugin.enabled);
  keys_of_it.insert("required", plugin.required);
  if (!plugin.sha256.empty()) keys_of_it.insert("sha256", plugin.sha256);
  if (plugin.isolation.process) keys_of_it.insert("isolation", "process");
  if (plugin.isolation.seccomp) keys_of_it.insert("seccomp", true);
  if (!plugin.isolation.seccomp_allow.empty()) {
    toml::array names;
    for (const auto& allowed : plugin.isolation.seccomp_allow) names.push_back(allowed);
    keys_of_it.insert("seccomp_allow", std::move(names));
  }
  if (!plugin.replaces.empty()) keys_of_it.insert("replaces", plugin.replaces);
  if (!plugin.isolation.cgroup.empty()) keys_of_it.insert("cgroup", plugin.isolation.cgroup);
  const plugin::WatchLimits usual;
  if (plugin.watch.deadline_ms != usual.deadline_ms) {
    keys_of_it.insert("reconcile_deadline_ms", plugin.watch.deadline_ms);
  }
  if (plugin.watch.strikes != usual.strikes) {
    keys_of_it.insert("watchdog_strikes", static_cast<int64_t>(plugin.watch.strikes));
  }
  if (plugin.watch.isolate) keys_of_it.insert("watchdog", "isolate");
  if (plugin.isolation.memory_limit > 0) {
    keys_of_it.insert("memory_limit_mib", static_cast<int64_t>(plugin.isolation.memory_limit >> 20));
  }
  return keys_of_it;
}

}  // namespace

void read_plugin_table(const std::string& file, const std::string& name, toml::node& node, Config& config,
                       std::vector<std::string>& errors) {
  if (!node.is_table()) {
    errors.push_back(place(file, node.source()) + "plugin." + name + ": expected a table, found " +
                     std::string(type_name(node)));
    return;
  }
  toml::table table = std::move(*node.as_table());  // a copy would lose the places
  PluginConfig& plugin = config.plugins[name];
  plugin.place = place(file, table.source()) + "plugin." + name;
  const auto take = [&](std::string_view key, auto& value, std::string_view expected, auto&& fits) {
    const toml::node* found = table.get(key);
    if (found == nullptr) return;
    using Value = std::remove_reference_t<decltype(value)>;
    const auto read = found->value_exact<Value>();
    if (!read || !fits(*read)) {
      errors.push_back(place(file, found->source()) + "plugin." + name + "." + std::string(key) + ": expected " +
                       std::string(expected) + ", found " + std::string(type_name(*found)));
    } else {
      value = *read;
    }
    table.erase(key);
  };
  const auto any = [](bool) { return true; };
  plugin.text = text_of(table);
  take("enabled", plugin.enabled, "a boolean", any);
  take("required", plugin.required, "a boolean", any);
  take("sha256", plugin.sha256, "64 lower-case hexadecimal digits", [](const std::string& text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
  });
  std::string isolation = "none";
  int64_t memory_mib = 0;
  take("isolation", isolation, "\"none\" or \"process\"",
       [](const std::string& text) { return text == "none" || text == "process"; });
  take("memory_limit_mib", memory_mib, "a whole number of MiB from 1 on",
       [](int64_t mib) { return mib >= 1 && mib < 1 << 24; });
  take("seccomp", plugin.isolation.seccomp, "a boolean", any);
  take("cgroup", plugin.isolation.cgroup, "the absolute path of a cgroup's folder",
       [](const std::string& path) { return path.starts_with('/'); });
  if (const toml::node* allowed = table.get("seccomp_allow"); allowed != nullptr) {
    if (auto names = names_of(*allowed)) {
      plugin.isolation.seccomp_allow = std::move(*names);
    } else {
      errors.push_back(place(file, allowed->source()) + "plugin." + name +
                       ".seccomp_allow: expected an array of names of system calls");
    }
    table.erase("seccomp_allow");
  }
  read_watchdog(plugin.watch, take);
  take("replaces", plugin.replaces, "the name of another plugin",
       [&](const std::string& other) { return !other.empty() && other != name; });
  plugin.isolation.process = isolation == "process";
  plugin.isolation.memory_limit = static_cast<uint64_t>(memory_mib) << 20;
  plugin.table = std::make_shared<TomlPluginTable>(file, name, std::move(table));
}

std::string print_plugin_tables(const Config& config) {
  toml::table plugins;
  for (const auto& [name, plugin] : config.plugins) plugins.insert(name, written(plugin));
  std::ostringstream text;
  text << toml::toml_formatter(toml::table{{"plugin", std::move(plugins)}});
  return "\n# Plugins. The daemon's own keys: enabled; required (the daemon stops when the plugin does not load);\n"
         "# sha256 (the file must have it); isolation (\"process\": in a process of its own), with memory_limit_mib,\n"
         "# cgroup (below which it gets its own), seccomp (system calls that plugins never need are refused) and\n"
         "# seccomp_allow (but for these); reconcile_deadline_ms (a longer reconcile is reported), with watchdog\n"
         "# (\"isolate\": after watchdog_strikes of them the plugin moves to a process of its own); replaces (the "
         "plugin\n"
         "# whose place it takes). The others are the plugin's.\n" +
         text.str() + "\n";
}

}  // namespace gantry::daemon
