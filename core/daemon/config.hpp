// The daemon's configuration: one TOML file, every key with a default, every mistake named by file, line, column and
// key.
//
// Parsed once at start on the main thread; read-only afterwards, but for the plugins' tables, which lock themselves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/plugin/config_table.hpp"
#include "core/plugin/plugin_host.hpp"
#include "gantry/status.hpp"

namespace gantry::daemon {

// [plugin.NAME]: the keys the daemon itself reads; the rest is the plugin's.
struct PluginConfig {
  bool enabled = true;
  bool required = false;
  std::string sha256;
  plugin::IsolationSettings isolation;
  plugin::WatchLimits watch;
  std::string replaces;  // the plugin whose place it takes
  std::shared_ptr<plugin::ConfigTable> table;
  std::string text;   // of the whole table, to tell a changed one
  std::string place;  // of the table, before a message: "gantry.toml:3:9: plugin.NAME"
};

struct Config {
  std::filesystem::path file;                              // empty: defaults only
  std::map<std::string, std::string, std::less<>> places;  // of the keys that the file has, "gantry.toml:3:9: "

  std::vector<std::string> roles{"server", "agent"};
  std::filesystem::path data_dir = "/var/lib/gantry";
  std::filesystem::path run_dir = "/run/gantry";

  std::vector<std::string> listen{"0.0.0.0:6443"};
  std::filesystem::path kubeconfig = "/etc/gantry/admin.kubeconfig";
  std::string advertise_address;  // empty: the address of the default route, or 127.0.0.1
  std::filesystem::path token_file;
  int64_t api_threads = 2;

  std::vector<std::string> plugin_dirs;
  bool plugins_watch = false;  // load what is written to the folders
  bool require_signature = false;
  std::filesystem::path plugins_public_key;
  std::map<std::string, PluginConfig> plugins;

  std::string log_level = "info";
  std::string log_format = "text";

  std::string node_name;                  // empty: the host's name
  std::filesystem::path node_kubeconfig;  // of an agent without the server role
  std::vector<std::string> node_labels;   // "key=value"
  int64_t max_pods = 110;
  std::filesystem::path resolv_conf = "/etc/resolv.conf";
  std::string cgroup_root;  // empty: "gantry", or "gantry-<hash of data_dir>" beside the default data_dir

  std::vector<std::string> pod_cidr;  // empty: network::free_cluster_range() (kept in data_dir)
  int64_t node_prefix = 24, node_prefix_ipv6 = 64;
  std::vector<std::string> service_cidr{"10.43.0.0/16"};  // empty: Services get no addresses
  std::string node_ports = "30000-32767";
  std::string network_plugin, overlay_plugin, runtime_plugin;  // which ones: see the packaged defaults

  int64_t memory_mib = 128;
  int64_t anonymous_memory_mib = 8;
  int64_t connection_memory_mib = 96;
  int64_t watch_backlog_mib = 16;
  int64_t long_requests = 256;
  int64_t waiting_requests = 4'096;
  int64_t connections = 8'192;
  int64_t anonymous_connections = 1'024;
  int64_t reserved_connections = 64;
  int64_t reserved_descriptors = 64;
  int64_t stall_seconds = 60;
  int64_t stall_kib = 256;

  std::string simulation_time = "real";
  std::string simulation_start = "2030-01-01T00:00:00Z";
  int64_t simulation_seed = 1;

  bool has_role(std::string_view role) const;
  // Before a message about "api.listen": "gantry.toml:3:9: api.listen".
  std::string place_of(std::string_view key) const;
  std::filesystem::path admin_socket() const { return run_dir / "gantryd.sock"; }
  // "" for the default data_dir, else a short stable suffix that keeps names of several daemons apart.
  std::string instance_suffix() const;
};

// Reads a file. `path` empty: /etc/gantry/gantry.toml when it exists, else defaults. What it does not say is as the
// package's own file has it, see default_config_file(). An error's message may have several lines, one a mistake:
// "gantry.toml:3:9: api.listen: expected ..., found ...".
Expected<Config> load_config(const std::filesystem::path& path);
// `defaults`: the text of the package's file.
Expected<Config> parse_config(std::string_view text, const std::filesystem::path& name, std::string_view defaults = {});

// What the daemon could not start with: files that the configuration names and that are not as they must be. One
// message each, as those of load_config(). Once before a start, and for --check-config.
std::vector<std::string> file_mistakes(const Config& config);

// The effective configuration as a commented TOML file, which parses to the same configuration.
std::string print_config(const Config& config);

// Where this installation's plugins and helper programs lie, from the executable's own place.
std::filesystem::path default_plugin_dir();
// Comes with the plugins (plugins/defaults.toml) and says which of them a node uses.
std::filesystem::path default_config_file();
std::filesystem::path libexec_dir();

}  // namespace gantry::daemon
