#include "core/daemon/config_rules.hpp"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>

#include "core/auth/authenticator.hpp"
#include "core/network/range_pool.hpp"
#include "core/network/services/service_ranges.hpp"

namespace gantry::daemon {
namespace {

constexpr int kLongestPodPrefix = 30;

using Errors = std::vector<std::string>;

void expect(const Config& config, std::string_view key, const std::string& what, Errors& errors) {
  errors.push_back(config.place_of(key) + ": expected " + what);
}

bool is_address(int family, const std::string& text) {
  unsigned char raw[sizeof(in6_addr)];
  return ::inet_pton(family, text.c_str(), raw) == 1;
}

struct Share {
  std::string_view key, of_key;
  int64_t Config::*value;
  int64_t Config::*whole;
};
constexpr Share kShares[] = {
    {"limits.anonymous_memory_mib", "limits.memory_mib", &Config::anonymous_memory_mib, &Config::memory_mib},
    {"limits.connection_memory_mib", "limits.memory_mib", &Config::connection_memory_mib, &Config::memory_mib},
    {"limits.watch_backlog_mib", "limits.memory_mib", &Config::watch_backlog_mib, &Config::memory_mib},
    {"limits.anonymous_connections", "limits.connections", &Config::anonymous_connections, &Config::connections},
};

void check_folders(const Config& config, Errors& errors) {
  const auto folder = [](const std::filesystem::path& path) {
    const auto normal = path.lexically_normal();
    return normal.has_filename() ? normal : normal.parent_path();
  };
  if (config.data_dir.empty()) expect(config, "daemon.data_dir", "the path of a folder, found \"\"", errors);
  if (config.run_dir.empty()) return expect(config, "daemon.run_dir", "the path of a folder, found \"\"", errors);
  if (folder(config.data_dir) == folder(config.run_dir)) {
    expect(config, "daemon.run_dir", "another folder than daemon.data_dir, found \"" + config.run_dir.string() + "\"",
           errors);
  }
  constexpr size_t kMost = sizeof(sockaddr_un::sun_path) - 1;
  const size_t size = config.admin_socket().native().size();
  if (size > kMost) {
    expect(config, "daemon.run_dir",
           "a path of at most " + std::to_string(kMost - (size - config.run_dir.native().size())) +
               " bytes, for the unix socket in it, found " + std::to_string(config.run_dir.native().size()),
           errors);
  }
}

// ADDRESS:PORT, as the keys' own check left it.
struct Endpoint {
  explicit Endpoint(const std::string& text)
      : host(text.substr(0, text.rfind(':'))), port(std::atoi(text.c_str() + text.rfind(':') + 1)) {
    if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
    if (host.empty()) host = "0.0.0.0";
  }
  // No two sockets can listen on both.
  bool overlaps(const Endpoint& other) const {
    if (port == 0 || port != other.port) return false;
    return host == other.host || covers(other) || other.covers(*this);
  }
  bool covers(const Endpoint& other) const {
    if (host == "::") return is_address(AF_INET6, other.host) || is_address(AF_INET, other.host);
    return host == "0.0.0.0" && is_address(AF_INET, other.host);
  }
  std::string host;
  int port;
};

void check_api(const Config& config, Errors& errors) {
  const auto& listen = config.listen;
  if (listen.empty()) errors.push_back(config.place_of("api.listen") + ": at least one address is needed");
  for (size_t i = 1; i < listen.size(); ++i) {
    const auto before = std::find_if(listen.begin(), listen.begin() + static_cast<ptrdiff_t>(i),
                                     [&](const auto& text) { return Endpoint(text).overlaps(Endpoint(listen[i])); });
    if (before == listen.begin() + static_cast<ptrdiff_t>(i)) continue;
    expect(config, "api.listen", "addresses that do not overlap, found \"" + *before + "\" and \"" + listen[i] + "\"",
           errors);
  }
  const auto& address = config.advertise_address;
  if (!address.empty() && !is_address(AF_INET, address) && !is_address(AF_INET6, address)) {
    expect(config, "api.advertise_address", "an IP address such as \"192.0.2.1\", found \"" + address + "\"", errors);
  }
}

std::string_view prefix_key(const network::Cidr& range) {
  return range.ipv6 ? "network.node_prefix_ipv6" : "network.node_prefix";
}

void check_network(const Config& config, Errors& errors) {
  std::vector<network::Cidr> ranges;
  for (const auto& text : config.pod_cidr) {
    const auto range = network::Cidr::parse(text);
    if (!range || (!range->ipv6 && range->prefix > kLongestPodPrefix)) {
      return expect(config, "network.pod_cidr",
                    "a range such as \"10.42.0.0/16\" or \"fd00:42::/48\", of IPv4 at most a /" +
                        std::to_string(kLongestPodPrefix) + ", found \"" + text + "\"",
                    errors);
    }
    ranges.push_back(*range);
  }
  if (ranges.size() > 2 || (ranges.size() == 2 && ranges[0].ipv6 == ranges[1].ipv6)) {
    return expect(config, "network.pod_cidr", "at most one range of IPv4 and one of IPv6", errors);
  }
  for (const auto& range : ranges) {
    const int64_t prefix = range.ipv6 ? config.node_prefix_ipv6 : config.node_prefix;
    const int most = std::min(range.bits() - 2, range.prefix + network::RangePool::kMostBits);
    if (prefix > most || prefix < range.prefix) {
      expect(config, prefix_key(range),
             std::to_string(range.prefix) + " to " + std::to_string(most) + " for " + range.text() + ", found " +
                 std::to_string(prefix),
             errors);
    }
  }
}

void check_services(const Config& config, Errors& errors) {
  for (const char* key : {"network.service_cidr", "network.node_ports"}) {
    const bool addresses = std::string_view(key) == "network.service_cidr";
    const auto parsed = network::ServiceRanges::parse(addresses ? config.service_cidr : std::vector<std::string>(),
                                                      addresses ? "1-65535" : config.node_ports);
    if (!parsed) errors.push_back(config.place_of(key) + ": " + parsed.error().message());
  }
  for (const auto& text : config.service_cidr) {
    const auto services = network::Cidr::parse(text);
    for (const auto& other : config.pod_cidr) {
      const auto pods = network::Cidr::parse(other);
      if (!services || !pods || !services->overlaps(*pods)) continue;
      expect(config, "network.service_cidr",
             "addresses that no pod has, found \"" + text + "\", which meets network.pod_cidr \"" + other + "\"",
             errors);
    }
  }
}

void check_limits(const Config& config, Errors& errors) {
  for (const Share& share : kShares) {
    if (config.*share.value <= config.*share.whole) continue;
    expect(config, share.key,
           "at most " + std::string(share.of_key) + ", which is " + std::to_string(config.*share.whole) + ", found " +
               std::to_string(config.*share.value),
           errors);
  }
}

void check_simulation(const Config& config, Errors& errors) {
  std::tm parts{};
  const char* end = ::strptime(config.simulation_start.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  if (end == nullptr || *end != '\0') {
    expect(config, "simulation.start",
           "a time such as \"2030-01-01T00:00:00Z\", found \"" + config.simulation_start + "\"", errors);
  }
  if (config.simulation_time == "real") return;
  if (!config.has_role("server")) {
    errors.push_back(config.place_of("simulation.time") +
                     ": an agent alone has no time of its own; give it the role \"server\"");
  }
  for (const auto& [name, plugin] : config.plugins) {
    const char* key = plugin.isolation.process ? ".isolation" : plugin.watch.isolate ? ".watchdog" : nullptr;
    if (key == nullptr) continue;
    errors.push_back(plugin.place + key +
                     ": time that is simulated cannot see what another process does; leave it out");
  }
}

}  // namespace

void fit_defaults(Config& config) {
  for (const Share& share : kShares) {
    if (!config.places.contains(share.key)) config.*share.value = std::min(config.*share.value, config.*share.whole);
  }
  for (const auto& text : config.pod_cidr) {
    const auto range = network::Cidr::parse(text);
    if (!range || config.places.contains(prefix_key(*range))) continue;
    int64_t& prefix = range->ipv6 ? config.node_prefix_ipv6 : config.node_prefix;
    prefix = std::max<int64_t>(prefix, range->prefix);
  }
}

void check_rules(const Config& config, Errors& errors) {
  if (config.roles.empty()) errors.push_back(config.place_of("daemon.roles") + ": at least one role is needed");
  if (config.require_signature && config.plugins_public_key.empty()) {
    errors.push_back(config.place_of("plugins.public_key") + ": plugins.require_signature needs the key that signs");
  }
  if (config.has_role("agent") && !config.has_role("server") && config.node_kubeconfig.empty()) {
    errors.push_back(config.place_of("node.kubeconfig") +
                     ": an agent without the server role needs the kubeconfig of a server");
  }
  check_folders(config, errors);
  check_api(config, errors);
  check_network(config, errors);
  check_services(config, errors);
  check_limits(config, errors);
  check_simulation(config, errors);
}

std::vector<std::string> file_mistakes(const Config& config) {
  std::vector<std::string> mistakes;
  const auto readable = [&](std::string_view key, const std::filesystem::path& path) {
    if (!std::ifstream(path)) mistakes.push_back(config.place_of(key) + ": " + path.string() + " cannot be read");
  };
  if (config.require_signature) readable("plugins.public_key", config.plugins_public_key);
  if (!config.has_role("server")) {
    readable("node.kubeconfig", config.node_kubeconfig);
    return mistakes;
  }
  if (auto tokens = auth::Authenticator::create({config.token_file.string()}); !tokens) {
    mistakes.push_back(config.place_of("api.token_file") + ": " + tokens.error().message());
  }
  return mistakes;
}

}  // namespace gantry::daemon
