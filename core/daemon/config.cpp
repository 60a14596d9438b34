// The one list of keys: reading, checking and printing all walk it.
#include "core/daemon/config.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <fstream>
#include <functional>
#include <sstream>

#include "core/daemon/config_values.hpp"
#include "core/files/errno_status.hpp"

namespace gantry::daemon {
namespace {

namespace fs = std::filesystem;

// One key: how to read it into a Config (returning what was expected when the node is wrong), and how to print it.
struct KeySpec {
  std::string_view table, key, comment;
  std::function<std::string(const toml::node&, Config&)> read;
  std::function<std::string(const Config&)> print;
};

std::string toml_text(std::string_view text) {
  std::ostringstream out;
  out << toml::toml_formatter(toml::array{text});
  const auto array = out.str();  // "[ 'x' ]": TOML's own escaping
  const auto begin = array.find_first_not_of("[ \n");
  return array.substr(begin, array.find_last_not_of("] \n") - begin + 1);
}

template <typename T>
KeySpec text_key(std::string_view table, std::string_view key, T Config::*member, std::string_view comment) {
  return {table, key, comment,
          [member](const toml::node& node, Config& config) -> std::string {
            if (!node.is_string()) return "a string";
            config.*member = T(node.as_string()->get());
            return {};
          },
          [member](const Config& config) {
            if constexpr (std::is_same_v<T, fs::path>)
              return toml_text((config.*member).string());
            else
              return toml_text(config.*member);
          }};
}

KeySpec choice_key(std::string_view table, std::string_view key, std::string Config::*member,
                   std::vector<std::string> choices, std::string_view comment) {
  auto spec = text_key(table, key, member, comment);
  spec.read = [member, choices](const toml::node& node, Config& config) -> std::string {
    std::string expected = "one of";
    for (const auto& choice : choices) expected += (choice == choices.front() ? " \"" : ", \"") + choice + "\"";
    if (!node.is_string()) return expected;
    const auto& value = node.as_string()->get();
    if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
      return expected + ", found \"" + value + "\"";
    }
    config.*member = value;
    return {};
  };
  return spec;
}

KeySpec int_key(std::string_view table, std::string_view key, int64_t Config::*member, int64_t low, int64_t high,
                std::string_view comment) {
  return {table, key, comment,
          [=](const toml::node& node, Config& config) -> std::string {
            const std::string expected = "an integer from " + std::to_string(low) + " to " + std::to_string(high);
            if (!node.is_integer()) return expected;
            const int64_t value = node.as_integer()->get();
            if (value < low || value > high) return expected + ", found " + std::to_string(value);
            config.*member = value;
            return {};
          },
          [=](const Config& config) { return std::to_string(config.*member); }};
}

KeySpec bool_key(std::string_view table, std::string_view key, bool Config::*member, std::string_view comment) {
  return {table, key, comment,
          [=](const toml::node& node, Config& config) -> std::string {
            if (!node.is_boolean()) return "a boolean";
            config.*member = node.as_boolean()->get();
            return {};
          },
          [=](const Config& config) { return std::string(config.*member ? "true" : "false"); }};
}

using Check = std::function<std::string(const std::string&)>;  // what is expected, or nothing when fine

KeySpec list_key(std::string_view table, std::string_view key, std::vector<std::string> Config::*member,
                 std::string_view comment, Check check = nullptr) {
  return {table, key, comment,
          [=](const toml::node& node, Config& config) -> std::string {
            std::vector<std::string> items;
            if (node.is_string()) {  // one item may stand without brackets
              items.push_back(node.as_string()->get());
            } else if (node.is_array()) {
              for (const auto& item : *node.as_array()) {
                if (!item.is_string()) return "an array of strings";
                items.push_back(item.as_string()->get());
              }
            } else {
              return "an array of strings";
            }
            for (const auto& item : items) {
              if (check == nullptr) continue;
              if (auto expected = check(item); !expected.empty()) return expected + ", found \"" + item + "\"";
            }
            config.*member = std::move(items);
            return {};
          },
          [=](const Config& config) {
            std::string text = "[";
            for (const auto& item : config.*member) text += (text.size() > 1 ? ", " : "") + toml_text(item);
            return text + "]";
          }};
}

std::string check_role(const std::string& role) {
  return role == "server" || role == "agent" ? "" : "\"server\" or \"agent\"";
}

std::string check_listen(const std::string& address) {
  const auto colon = address.rfind(':');
  const std::string expected = "ADDRESS:PORT such as \"0.0.0.0:6443\"";
  if (colon == std::string::npos || colon + 1 == address.size() || address.size() - colon > 6) return expected;
  const auto port = address.substr(colon + 1);
  if (!std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; })) return expected;
  return std::stoi(port) <= 65'535 ? "" : expected;
}

std::string check_label(const std::string& label) { return label.find('=') == std::string::npos ? "KEY=VALUE" : ""; }

const std::vector<KeySpec>& keys() {
  static const std::vector<KeySpec> kKeys = {
      list_key("daemon", "roles", &Config::roles,
               "What this daemon does: \"server\" (API, controllers, scheduler), \"agent\" (runs pods).", check_role),
      text_key("daemon", "data_dir", &Config::data_dir,
               "Everything that must survive: the store, certificates, images, pods' volumes and logs."),
      text_key("daemon", "run_dir", &Config::run_dir,
               "Sockets, network namespaces, copies of loaded plugins. Both folders and all above them must be root's "
               "or the "
               "daemon's own, and writable by nobody else."),
      list_key("api", "listen", &Config::listen, "Where the API listens, with TLS.", check_listen),
      text_key("api", "kubeconfig", &Config::kubeconfig, "Where the administrator's kubeconfig is written."),
      text_key("api", "advertise_address", &Config::advertise_address,
               "The address that others use; empty: that of the default route."),
      text_key("api", "token_file", &Config::token_file,
               "Bearer tokens, lines of TOKEN,USER,UID,\"GROUP,...\"; empty: none."),
      int_key("api", "threads", &Config::api_threads, 1, 64, "Threads that serve connections."),
      list_key("plugins", "dirs", &Config::plugin_dirs,
               "Folders whose .so files are loaded; the first of a name wins."),
      bool_key("plugins", "watch", &Config::plugins_watch,
               "Whether a file that is written to these folders is loaded, or reloaded, at once."),
      bool_key("plugins", "require_signature", &Config::require_signature,
               "Whether each plugin NAME.so needs a signature NAME.so.sig by plugins.public_key."),
      text_key("plugins", "public_key", &Config::plugins_public_key,
               "The PEM file of the public key that signs plugins."),
      choice_key("log", "level", &Config::log_level, {"debug", "info", "warn", "error"}, "debug, info, warn or error."),
      choice_key("log", "format", &Config::log_format, {"text", "json"}, "text or json, one object a line."),
      text_key("node", "name", &Config::node_name, "Name of the Node; empty: the host's name."),
      text_key("node", "kubeconfig", &Config::node_kubeconfig,
               "How an agent without the server role reaches its server."),
      list_key("node", "labels", &Config::node_labels, "Further labels of the Node, \"KEY=VALUE\".", check_label),
      int_key("node", "max_pods", &Config::max_pods, 1, 10'000, "Most pods on this node."),
      text_key("node", "resolv_conf", &Config::resolv_conf, "The resolv.conf that pods with dnsPolicy Default get."),
      text_key("node", "cgroup_root", &Config::cgroup_root,
               "The cgroup of all pods; empty: \"gantry\", with a suffix when data_dir is not the default."),
      text_key("network", "pod_cidr", &Config::pod_cidr,
               "The range of all pods' addresses; empty: the first free one from 10.42.0.0/16 on."),
      text_key("network", "plugin", &Config::network_plugin, "The network plugin that attaches pods."),
      text_key("runtime", "plugin", &Config::runtime_plugin, "The runtime plugin that runs containers."),
      int_key("limits", "memory_mib", &Config::memory_mib, 16, 1 << 20,
              "Most memory in MiB for requests under way, answers not yet read and backlogs of watches."),
      int_key("limits", "anonymous_memory_mib", &Config::anonymous_memory_mib, 1, 1 << 20,
              "The share of it that peers have who have not proved who they are."),
      int_key("limits", "connection_memory_mib", &Config::connection_memory_mib, 4, 1 << 20,
              "The share of it that one connection may have."),
      int_key("limits", "watch_backlog_mib", &Config::watch_backlog_mib, 1, 1 << 20,
              "Most MiB that wait for one watch whose client reads too slowly; then the watch ends."),
      int_key("limits", "long_requests", &Config::long_requests, 1, 1 << 16,
              "Most requests with documents over 16 KiB that wait for a thread; the rest is answered 429."),
      int_key("limits", "connections", &Config::connections, 16, 1 << 20, "Most connections to api.listen."),
      int_key("limits", "anonymous_connections", &Config::anonymous_connections, 1, 1 << 20,
              "Most of them whose peers have not proved who they are; who has been waited for longest makes room for a "
              "new one."),
      int_key("limits", "reserved_connections", &Config::reserved_connections, 1, 1'024,
              "Most connections to the unix socket in run_dir, which these others take nothing of."),
      int_key("limits", "reserved_descriptors", &Config::reserved_descriptors, 0, 1 << 16,
              "Descriptors that connections to api.listen leave for everything else."),
      int_key("limits", "stall_seconds", &Config::stall_seconds, 1, 3'600,
              "A connection ends whose peer does not take stall_kib of what waits for it in this time."),
      int_key("limits", "stall_kib", &Config::stall_kib, 1, 1 << 20, "See stall_seconds."),
      choice_key("simulation", "time", &Config::simulation_time, {"real", "manual"},
                 "real, or manual: for tests, time that only 'gantryctl clock advance' moves; nothing is durable."),
      text_key("simulation", "start", &Config::simulation_start, "When a simulated time begins, in UTC."),
      int_key("simulation", "seed", &Config::simulation_seed, 0, INT64_MAX,
              "Where names and UIDs come from under simulated time; the same seed, the same run."),
  };
  return kKeys;
}

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

// [plugin.NAME]: takes out the daemon's own keys.
void read_plugin(const std::string& file, const std::string& name, toml::node& node, Config& config,
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

void read_table(const std::string& file, std::string_view name, const toml::table& table, Config& config,
                std::vector<std::string>& errors) {
  for (const auto& [key, node] : table) {
    const std::string path = std::string(name) + "." + std::string(key.str());
    const auto& all = keys();
    const auto spec = std::find_if(all.begin(), all.end(), [&, k = key.str()](const KeySpec& candidate) {
      return candidate.table == name && candidate.key == k;
    });
    if (spec == all.end()) {
      std::string known;
      for (const auto& candidate : all) {
        if (candidate.table == name) known += (known.empty() ? "" : ", ") + std::string(candidate.key);
      }
      errors.push_back(place(file, key.source()) + path + ": unknown key; [" + std::string(name) + "] has " + known);
      continue;
    }
    const auto expected = spec->read(node, config);
    if (expected.empty()) continue;
    const bool says_found = expected.find(", found ") != std::string::npos;
    errors.push_back(place(file, node.source()) + path + ": expected " + expected +
                     (says_found ? "" : ", found " + std::string(type_name(node))));
  }
}

bool known_table(std::string_view name) {
  return std::any_of(keys().begin(), keys().end(), [&](const KeySpec& spec) { return spec.table == name; });
}

void read_root(const std::string& file, toml::table& root, Config& config, std::vector<std::string>& errors) {
  for (auto&& [key, node] : root) {
    const std::string name(key.str());
    if (name != "plugin" && !known_table(name)) {
      errors.push_back(place(file, key.source()) + name +
                       ": unknown key; the tables are [daemon], [api], [plugins], [plugin.NAME], [log], [node], "
                       "[network], [runtime], [limits], [simulation]");
    } else if (!node.is_table()) {
      errors.push_back(place(file, node.source()) + name + ": expected a table, found " + std::string(type_name(node)));
    } else if (name == "plugin") {
      for (auto&& [plugin, table] : *node.as_table()) {
        read_plugin(file, std::string(plugin.str()), table, config, errors);
      }
    } else {
      read_table(file, name, *node.as_table(), config, errors);
    }
  }
}

void check_simulation(const std::string& file, const Config& config, std::vector<std::string>& errors) {
  std::tm parts{};
  const char* end = ::strptime(config.simulation_start.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') {
    errors.push_back(file + ": simulation.start: expected a time such as \"2030-01-01T00:00:00Z\", found \"" +
                     config.simulation_start + "\"");
  }
  if (config.simulation_time == "real") return;
  if (!config.has_role("server")) {
    errors.push_back(file + ": simulation.time: an agent alone has no time of its own; give it the role \"server\"");
  }
  for (const auto& [name, plugin] : config.plugins) {
    const char* key = plugin.isolation.process ? ".isolation" : plugin.watch.isolate ? ".watchdog" : nullptr;
    if (key == nullptr) continue;
    errors.push_back(file + ": plugin." + name + key +
                     ": time that is simulated cannot see what another process does; leave it out");
  }
}

fs::path executable_dir() {
  std::error_code error;
  const auto path = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path("/usr/local/bin") : path.parent_path();
}

}  // namespace

bool Config::has_role(std::string_view role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

std::string Config::instance_suffix() const {
  if (data_dir == "/var/lib/gantry") return {};
  uint32_t hash = 2'166'136'261U;  // FNV-1a
  for (const char c : data_dir.lexically_normal().string()) hash = (hash ^ static_cast<uint8_t>(c)) * 16'777'619U;
  char text[9];
  std::snprintf(text, sizeof text, "%08x", hash);
  return std::string(text, 6);
}

fs::path default_plugin_dir() { return executable_dir().parent_path() / "lib" / "gantry" / "plugins"; }
fs::path libexec_dir() { return executable_dir().parent_path() / "libexec" / "gantry"; }

Expected<Config> parse_config(std::string_view text, const fs::path& name) {
  Config config;
  config.file = name;
  config.plugin_dirs = {default_plugin_dir().string()};
  toml::table root;
  try {
    root = toml::parse(text, name.string());
  } catch (const toml::parse_error& error) {
    return Status::invalid(place(name.string(), error.source()) + std::string(error.description()));
  }
  std::vector<std::string> errors;
  read_root(name.string(), root, config, errors);
  if (config.roles.empty()) errors.push_back(name.string() + ": daemon.roles: at least one role is needed");
  if (config.listen.empty()) errors.push_back(name.string() + ": api.listen: at least one address is needed");
  if (config.require_signature && config.plugins_public_key.empty()) {
    errors.push_back(name.string() + ": plugins.public_key: plugins.require_signature needs the key that signs");
  }
  check_simulation(name.string(), config, errors);
  if (errors.empty()) return config;
  std::string all;
  for (const auto& error : errors) all += (all.empty() ? "" : "\n") + error;
  return Status::invalid(all);
}

Expected<Config> load_config(const fs::path& path) {
  const fs::path standard = "/etc/gantry/gantry.toml";
  fs::path file = path;
  std::error_code ignored;
  if (file.empty() && fs::exists(standard, ignored)) file = standard;
  if (file.empty()) {
    auto config = parse_config("", "");
    return config;
  }
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  if (in) text << in.rdbuf();
  const bool is_folder = in && fs::is_directory(file, ignored);
  if (!in || in.bad() || is_folder) {
    auto why = files::status_of_errno(file.string(), is_folder ? EISDIR : errno);
    if (why.code() != 404) return why;
    return Status::not_found(why.message() + "; give --config FILE or leave it out for the defaults");
  }
  return parse_config(text.str(), file);
}

std::string print_config(const Config& config) {
  std::string out = "# Effective configuration of gantryd";
  out += config.file.empty() ? ", all defaults.\n" : ", from " + config.file.string() + ".\n";
  std::string_view table;
  for (const auto& spec : keys()) {
    if (spec.table != table) out += "\n[" + std::string(spec.table) + "]\n";
    table = spec.table;
    out += "# " + std::string(spec.comment) + "\n" + std::string(spec.key) + " = " + spec.print(config) + "\n";
  }
  if (config.plugins.empty()) return out;
  toml::table plugins;
  for (const auto& [name, plugin] : config.plugins) {
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
    plugins.insert(name, std::move(keys_of_it));
  }
  std::ostringstream text;
  text << toml::toml_formatter(toml::table{{"plugin", std::move(plugins)}});
  out +=
      "\n# Plugins. The daemon's own keys: enabled; required (the daemon stops when the plugin does not load);\n"
      "# sha256 (the file must have it); isolation (\"process\": in a process of its own), with memory_limit_mib,\n"
      "# cgroup (below which it gets its own), seccomp (system calls that plugins never need are refused) and\n"
      "# seccomp_allow (but for these); reconcile_deadline_ms (a longer reconcile is reported), with watchdog\n"
      "# (\"isolate\": after watchdog_strikes of them the plugin moves to a process of its own); replaces (the plugin\n"
      "# whose place it takes). The others are the plugin's.\n" +
      text.str() + "\n";
  return out;
}

}  // namespace gantry::daemon
