#include "core/daemon/daemon.hpp"

#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "core/daemon/admin_api.hpp"
#include "core/daemon/agent_role.hpp"
#include "core/daemon/host_facts.hpp"
#include "core/daemon/server_role.hpp"
#include "core/plugin/metrics_registry.hpp"
#include "gantry/abi/log.h"

namespace gantry::daemon {

const char* const kVersion = GANTRY_VERSION;

struct Daemon::Impl {
  Impl(Config given, Log& l)
      : config(std::move(given)), log(l), timers(clock), blocking("blocking", 32), tasks("plugin-tasks", 16) {}

  Status start();
  Status prepare();
  Status load_plugins();
  Status start_agent(const std::string& cluster_cidr);
  void add_paths();
  std::string status_json() const;
  void stop();

  const Config config;
  Log& log;
  plugin::SystemClock clock;
  plugin::Timers timers;
  plugin::WorkerPool blocking, tasks;
  std::unique_ptr<plugin::PluginHost> plugins;
  std::unique_ptr<Base> base;
  std::unique_ptr<ServerRole> server;
  std::unique_ptr<AgentRole> agent;
  std::atomic<node::NodeAgent*> node{nullptr};
  int64_t started_ns = 0;
  bool stopped = false;
};

Status Daemon::Impl::prepare() {
  for (const auto& dir : {config.data_dir, config.run_dir}) {
    if (auto made = ensure_private_dir(dir); !made.ok()) return made;
  }
  std::string name = config.node_name;
  if (name.empty()) {
    auto found = host_node_name();
    if (!found) return std::move(found).error();
    name = *found;
  }
  const std::string address = config.advertise_address.empty() ? default_route_address() : config.advertise_address;
  plugin::PluginHostOptions options;
  options.clock = &clock;
  options.timers = &timers;
  options.tasks = &tasks;
  options.log = [this](std::string_view who, int32_t level, std::string_view text) { log.write(who, level, text); };
  options.log_level = log.level();
  options.run_dir = config.run_dir;
  options.data_dir = config.data_dir;
  options.facts = {{"node_name", name}, {"libexec_dir", libexec_dir().string()},
                   {"instance", config.instance_suffix()}};
  plugins = std::make_unique<plugin::PluginHost>(std::move(options));
  base.reset(new Base{config, log, clock, timers, blocking, *plugins, name, address});
  return {};
}

Status Daemon::Impl::load_plugins() {
  std::vector<std::filesystem::path> dirs(config.plugin_dirs.begin(), config.plugin_dirs.end());
  std::map<std::string, bool> required;
  for (const auto& [name, plugin] : config.plugins) {
    if (plugin.enabled && plugin.required) required[name] = false;
  }
  for (const auto& path : plugin::PluginHost::discover(dirs)) {
    plugin::PluginSettings settings;
    settings.name = path.stem().string();
    settings.path = path;
    if (const auto it = config.plugins.find(settings.name); it != config.plugins.end()) {
      if (!it->second.enabled) continue;
      settings.sha256 = it->second.sha256;
      settings.required = it->second.required;
      settings.config = it->second.table;
    }
    const auto loaded = plugins->load(settings);
    if (!loaded && settings.required) return Status(loaded.error()).in("required plugin " + settings.name);
    required.erase(settings.name);
  }
  if (!required.empty()) {
    return Status::not_found("required plugin " + required.begin()->first + ": no such file in plugins.dirs");
  }
  return {};
}

std::string Daemon::Impl::status_json() const {
  namespace json = boost::json;
  json::array roles, urls;
  for (const auto& role : config.roles) roles.emplace_back(role);
  if (server) {
    for (const auto& url : server->urls()) urls.emplace_back(url);
  }
  const auto* agent_now = node.load();
  const bool ready = (!server || server->ready()) && (!config.has_role("agent") || (agent_now && agent_now->ready()));
  return json::serialize(json::object{{"version", kVersion},
                                      {"pid", ::getpid()},
                                      {"uptimeSeconds", (clock.monotonic_ns() - started_ns) / 1'000'000'000},
                                      {"ready", ready},
                                      {"roles", std::move(roles)},
                                      {"api", std::move(urls)},
                                      {"node", base->node_name},
                                      {"kubeconfig", config.kubeconfig.string()},
                                      {"dataDir", config.data_dir.string()}});
}

void Daemon::Impl::add_paths() {
  auto& api = server->api();
  api.add_path("/metrics", [this](const http::Request&, std::shared_ptr<http::Exchange> exchange) {
    exchange->respond({200, "text/plain; version=0.0.4", {}, {http::make_chunk(plugins->metrics().text())}});
  });
  AdminFacts facts;
  facts.plugins = plugins.get();
  facts.blocking = &blocking;
  facts.node = [this] { return node.load(); };
  facts.status_json = [this] { return status_json(); };
  add_admin_paths(api, std::move(facts));
}

// A node that can't be started (no runtime plugin, say) leaves the API serving: that is where one sees why.
Status Daemon::Impl::start_agent(const std::string& cluster_cidr) {
  std::unique_ptr<client::Client> client;
  if (server) {
    client = server->make_client({"system:node:" + base->node_name, {"system:nodes", "system:authenticated"}, {}});
  } else {
    auto remote = AgentRole::remote_client(config);
    if (!remote) return std::move(remote).error();
    client = std::move(*remote);
  }
  auto started = AgentRole::start(*base, std::move(client), cluster_cidr);
  if (!started) {
    if (!server) return std::move(started).error();
    log.write("node", GANTRY_LOG_ERROR, "this daemon runs no pods: " + started.error().message());
    return {};
  }
  agent = std::move(*started);
  node = &agent->agent();
  if (server) server->api().set_node_backend(&agent->agent());
  return {};
}

Status Daemon::Impl::start() {
  started_ns = clock.monotonic_ns();
  if (auto done = prepare(); !done.ok()) return done;
  if (config.has_role("server")) {
    server = std::make_unique<ServerRole>(*base);
    if (auto done = server->open(); !done.ok()) return done;
    add_paths();
    server->provide_interfaces();
  }
  if (auto done = load_plugins(); !done.ok()) return done;
  std::string cidr = config.pod_cidr;
  if (cidr.empty()) {
    // Chosen once: pods keep their addresses when a route appears later that looks like a conflict.
    const auto file = config.data_dir / "cluster-cidr";
    std::error_code ignored;
    const bool known = std::filesystem::exists(file, ignored);
    auto kept = remembered(file, known ? std::string() : network::free_cluster_range().text());
    if (!kept) return std::move(kept).error();
    cidr = *kept;
  }
  if (server) {
    if (auto done = server->run(cidr); !done.ok()) return done;
  }
  if (config.has_role("agent")) return start_agent(cidr);
  return {};
}

void Daemon::Impl::stop() {
  if (std::exchange(stopped, true)) return;
  if (server) {
    server->stop_clients();
  }
  node = nullptr;
  if (agent) agent->stop();
  blocking.stop();
  agent.reset();
  if (server) server->stop_api();
  if (plugins) plugins->shutdown();
  tasks.stop();
  timers.stop();
  server.reset();
}

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Daemon::~Daemon() { stop(); }
void Daemon::stop() { impl_->stop(); }

Expected<std::unique_ptr<Daemon>> Daemon::start(Config config, Log& log) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::make_unique<Impl>(std::move(config), log)));
  if (auto started = daemon->impl_->start(); !started.ok()) {
    daemon->stop();
    return started;
  }
  return daemon;
}

}  // namespace gantry::daemon
