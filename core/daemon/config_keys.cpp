#include "core/daemon/config_keys.hpp"

#include <algorithm>
#include <climits>
#include <sstream>

namespace gantry::daemon {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

const std::vector<KeySpec>& config_keys() {
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
      text_key("api", "kubeconfig", &Config::kubeconfig,
               "Where the administrator's kubeconfig is written. What else is in the file stays."),
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
      list_key("network", "pod_cidr", &Config::pod_cidr,
               "The ranges of all pods' addresses, at most one of IPv4 and one of IPv6; none: the first free one from "
               "10.42.0.0/16 on. The same on all nodes."),
      int_key("network", "node_prefix", &Config::node_prefix, 1, 30,
              "How long the prefix of a node's range of IPv4 addresses is."),
      int_key("network", "node_prefix_ipv6", &Config::node_prefix_ipv6, 1, 126, "The same for IPv6."),
      list_key(
          "network", "service_cidr", &Config::service_cidr,
          "The ranges of Services' cluster IPs, at most one of IPv4 and one of IPv6; the first is that of Services "
          "that ask for no family. None: every Service is headless or an ExternalName."),
      text_key("network", "node_ports", &Config::node_ports, "The range of Services' ports on each node."),
      text_key("network", "plugin", &Config::network_plugin,
               "The network plugin that attaches pods; empty: the only one there is."),
      text_key("network", "overlay", &Config::overlay_plugin,
               "The overlay plugin that makes other nodes' pods reachable; empty: network.plugin does it itself, which "
               "is what holds where this file names network.plugin alone."),
      text_key("runtime", "plugin", &Config::runtime_plugin,
               "The runtime plugin that runs containers; empty: the only one there is."),
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
      int_key("limits", "waiting_requests", &Config::waiting_requests, 1, 1 << 20,
              "Most requests that wait for an authorizer or an admission step; the rest is answered 429."),
      int_key("limits", "connections", &Config::connections, 16, 1 << 20, "Most connections to api.listen."),
      int_key("limits", "anonymous_connections", &Config::anonymous_connections, 1, 1 << 20,
              "Most of them whose peers have not proved who they are; who has been waited for longest makes room for a "
              "new one."),
      int_key("limits", "reserved_connections", &Config::reserved_connections, 1, 1'024,
              "Most connections to the unix socket in run_dir, which these others take nothing of; an idle one makes "
              "room for a new one."),
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

}  // namespace gantry::daemon
