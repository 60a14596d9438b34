#include "core/daemon/daemon.hpp"

#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "core/client/https/https_client.hpp"
#include "core/daemon/admin_api.hpp"
#include "core/daemon/agent_role.hpp"
#include "core/daemon/daemon_time.hpp"
#include "core/daemon/folder_watch.hpp"
#include "core/daemon/host_facts.hpp"
#include "core/daemon/plugin_control.hpp"
#include "core/daemon/plugin_objects.hpp"
#include "core/daemon/server_role.hpp"
#include "core/files/private_folder.hpp"
#include "core/files/regular.hpp"
#include "core/isolation/isolated_library.hpp"
#include "core/limits/notices.hpp"
#include "core/plugin/metrics_registry.hpp"
#include "core/store/file_lock.hpp"
#include "gantry/abi/log.h"
#include "gantry/abi/metrics.h"

namespace gantry::daemon {

const char* const kVersion = GANTRY_VERSION;

namespace {

// How long a stop waits for reconciles under way.
constexpr int64_t kStopGraceMs = 10'000;
// How many such times it waits for one thing that is no plugin's.
constexpr int kMostLooks = 3;
constexpr const char* kThreads = "a log, an exec session or an image request";
// And for all of it.
constexpr int64_t kStopLimitMs = 60'000;

using Opened = std::unique_ptr<plugin::LoadedLibrary>;

Status check_group(const plugin::PluginSettings& settings) {
  const auto& group = settings.isolation.cgroup;
  std::error_code ignored;
  if (group.empty() || std::filesystem::exists(std::filesystem::path(group) / "cgroup.procs", ignored)) return {};
  return Status::invalid("plugin." + settings.name + ".cgroup: " + group + " is not the folder of a cgroup");
}

}  // namespace

struct Daemon::Impl {
  Impl(Config given, Log& l)
      : config(std::move(given)),
        log(l),
        time(config, l),
        clock(time.clock()),
        timers(time.timers()),
        blocking("blocking", 32, 65'536, plugin::WorkerPool::Order::kOutside),
        tasks("plugin-tasks", 16),
        notices({[this](std::string_view who, int32_t level, std::string_view text) { log.write(who, level, text); },
                 [this](std::string_view topic) { count_trouble(topic); }, [this] { return clock.monotonic_ns(); }}) {}

  Status start();
  void count_trouble(std::string_view topic) const;
  Status prepare();
  Status load_plugins();
  void follow_plugins();
  void reload_configuration();
  Status make_agent();
  Status start_agent(const std::vector<std::string>& cluster_cidrs);
  void add_paths();
  std::string status_json() const;
  void watch_stop();
  void leave_without(const std::vector<std::string>& stuck);
  void stop();

  const Config config;
  Log& log;
  std::optional<store::FileLock> run_lock;
  DaemonTime time;
  const plugin::Clock& clock;
  plugin::Timers& timers;
  plugin::WorkerPool blocking, tasks;
  limits::Notices notices;
  RemoteServer elsewhere;  // of a machine without the server role
  std::unique_ptr<plugin::PluginHost> plugins;
  std::unique_ptr<Base> base;
  std::unique_ptr<ServerRole> server;
  std::unique_ptr<AgentRole> agent;
  std::unique_ptr<PluginControl> control;
  std::unique_ptr<client::Client> objects_client;
  std::unique_ptr<PluginObjects> objects;  // after stop() only: timers may still name it until then
  std::unique_ptr<FolderWatch> folders;
  std::atomic<node::NodeAgent*> node{nullptr};
  std::atomic<const char*> stopping_at{""};  // what stop() waits for
  int64_t started_ns = 0;
  bool stopped = false;
  std::mutex stop_mutex;
  std::condition_variable stop_over_changed;
  bool stop_over = false;  // under stop_mutex
};

void Daemon::Impl::count_trouble(std::string_view topic) const {
  if (!plugins) return;
  auto& metrics = plugins->metrics();
  metrics.record(metrics.declare("", GANTRY_METRIC_COUNTER, "gantry_trouble_total",
                                 "What went wrong and is said in the log once a minute at most, by topic.",
                                 "topic=\"" + std::string(topic) + "\""),
                 1);
}

Status Daemon::Impl::prepare() {
  log.write("", GANTRY_LOG_DEBUG, "descriptors: at most " + std::to_string(raise_descriptor_limit()));
  for (const auto& dir : {config.data_dir, config.run_dir}) {
    if (auto made = files::ensure_private_folder(dir); !made.ok()) return made;
  }
  // Before anything there is replaced: it may be in use with another data_dir.
  auto locked = store::FileLock::take(config.admin_socket(), "admin socket", "use another daemon.run_dir");
  if (!locked) return std::move(locked).error();
  run_lock.emplace(std::move(*locked));
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
  options.notices = &notices;
  options.run_dir = config.run_dir;
  options.data_dir = config.data_dir;
  if (config.require_signature) options.public_key = config.plugins_public_key;
  options.open_isolated = [this](const plugin::PluginSettings& settings, const std::filesystem::path& copy,
                                 std::function<void(const std::string&)> on_exit) -> Expected<Opened> {
    if (auto group = check_group(settings); !group.ok()) return group;
    isolation::IsolationOptions process;
    process.name = settings.name;
    process.copy = copy;
    process.host = libexec_dir() / "gantry-plugin-host";
    process.memory_limit = settings.isolation.memory_limit;
    process.seccomp = settings.isolation.seccomp;
    process.seccomp_allow = settings.isolation.seccomp_allow;
    process.cgroup_dir = settings.isolation.cgroup;
    process.on_exit = std::move(on_exit);
    return isolation::open_isolated(std::move(process));
  };
  // Time that is simulated cannot see what another process does, and orders what threads do.
  options.try_images = time.simulated() == nullptr;
  if (time.simulated() != nullptr) options.main_call_ms = 0;
  options.record_crashes = true;
  options.facts = {
      {"node_name", name}, {"libexec_dir", libexec_dir().string()}, {"instance", config.instance_suffix()}};
  plugins = std::make_unique<plugin::PluginHost>(std::move(options));
  base.reset(new Base{config, log, clock, timers, blocking, *plugins, notices, name, address, time.simulated()});
  return {};
}

Status Daemon::Impl::load_plugins() {
  control = std::make_unique<PluginControl>(config, *plugins, base->logger(""));
  std::set<std::string> off;
  if (server) {
    objects_client = server->plane().make_client(ControlPlane::component("gantryd"));
    off = PluginObjects::switched_off(*objects_client);
  }
  return control->load_all(off);
}

// Plugins can be changed from here on, by whoever asks.
void Daemon::Impl::follow_plugins() {
  if (server) {
    PluginObjects::Options options;
    options.client = objects_client.get();
    options.host = plugins.get();
    options.control = control.get();
    options.schedule = base->schedule();
    options.now_unix_ns = [this] { return clock.now_unix_ns(); };
    options.record_event = [this](std::string_view regarding, std::string_view type, std::string_view reason,
                                  std::string_view message) {
      server->plane().record_event("gantryd", regarding, type, reason, message);
    };
    options.log = base->logger("plugins");
    objects = std::make_unique<PluginObjects>(std::move(options));
    objects->start();
  }
  if (!config.plugins_watch) return;
  const std::vector<std::filesystem::path> dirs(config.plugin_dirs.begin(), config.plugin_dirs.end());
  auto watch = FolderWatch::start(dirs, [this](const std::filesystem::path& path) {
    if (path.extension() == ".so") control->file_changed(path);
  });
  if (watch) {
    folders = std::move(*watch);
  } else {
    log.write("", GANTRY_LOG_ERROR, "plugins.watch: " + watch.error().message());
  }
}

void Daemon::Impl::reload_configuration() {
  const auto done = control->apply_configuration();
  if (!done.ok()) return log.write("", GANTRY_LOG_ERROR, "SIGHUP: " + done.message());
  log.write("", GANTRY_LOG_INFO,
            "SIGHUP: the plugins are as the configuration says; other keys take effect at the next start");
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
  auto& api = server->plane().api();
  api.add_path("/metrics", [this](const http::Request&, std::shared_ptr<http::Exchange> exchange) {
    exchange->respond({200, "text/plain; version=0.0.4", {}, {http::make_chunk(plugins->metrics().text())}});
  });
  AdminFacts facts;
  facts.plugins = plugins.get();
  facts.blocking = &blocking;
  facts.node = [this] { return node.load(); };
  facts.time = time.simulated();
  facts.time_moved = [this] {
    if (auto kept = time.keep(); !kept.ok()) log.write("clock", GANTRY_LOG_WARN, kept.message());
  };
  facts.status_json = [this] { return status_json(); };
  facts.reload_plugin = [this](const std::string& name) { return control->reload(name, true); };
  facts.enable_plugin = [this](const std::string& name, bool on) {
    return objects ? objects->set_enabled(name, on) : Status::unavailable("the daemon is starting; try again");
  };
  add_admin_paths(api, std::move(facts));
}

// Before plugins are loaded.
Status Daemon::Impl::make_agent() {
  if (server) {
    http::Identity identity{"system:node:" + base->node_name, {"system:nodes", "system:authenticated"}, {}};
    agent = std::make_unique<AgentRole>(*base, server->plane().make_client(std::move(identity)));
    return {};
  }
  auto remote = RemoteServer::connect(config);
  if (!remote) return std::move(remote).error();
  elsewhere = std::move(*remote);
  agent = std::make_unique<AgentRole>(*base, client::make_https_client(elsewhere.node));
  agent->attach_plugins(elsewhere.plugins);
  return {};
}

// A node that can't be started (no runtime plugin, say) leaves the API serving: that is where one sees why.
Status Daemon::Impl::start_agent(const std::vector<std::string>& cluster_cidrs) {
  if (auto started = agent->start(cluster_cidrs); !started.ok()) {
    if (!server) return started;
    log.write("node", GANTRY_LOG_ERROR, "this daemon runs no pods: " + started.message());
    agent.reset();
    return {};
  }
  node = &agent->agent();
  if (server) server->plane().api().set_node_backend(&agent->agent());
  return {};
}

Status Daemon::Impl::start() {
  const simulation::Turn turn(time.turns(), "the start");
  started_ns = clock.monotonic_ns();
  if (auto done = prepare(); !done.ok()) return done;
  if (config.has_role("server")) {
    server = std::make_unique<ServerRole>(*base);
    if (auto done = server->open(); !done.ok()) return done;
    add_paths();
    server->attach_plugins();
  }
  if (config.has_role("agent")) {
    if (auto done = make_agent(); !done.ok()) return done;
  }
  if (auto done = load_plugins(); !done.ok()) return done;
  auto cidrs = config.pod_cidr;
  if (cidrs.empty()) {
    // Chosen once: pods keep their addresses when a route appears later that looks like a conflict.
    const auto file = config.data_dir / "cluster-cidr";
    if (auto regular = files::regular_if_there(file.string()); !regular.ok()) return regular;
    std::error_code ignored;
    const bool known = std::filesystem::exists(file, ignored);
    auto kept = known ? kept_range(file) : remembered(file, network::free_cluster_range().text());
    if (!kept) return std::move(kept).error();
    cidrs = {*kept};
  }
  if (server) {
    if (auto done = server->run(cidrs); !done.ok()) return done;
  }
  if (config.has_role("agent")) {
    if (auto done = start_agent(cidrs); !done.ok()) return done;
  }
  follow_plugins();
  return {};
}

// A call that never returns (a reconcile, a log or an image on a dead disk) can't be waited for, nor its thread be
// ended. All that was acknowledged is on disk and pods go on without the daemon, so it leaves as it stands. On a thread
// of its own: any other one may be the stuck one.
void Daemon::Impl::watch_stop() {
  const char* seen_at = "";
  int looks = 0;
  std::unique_lock lock(stop_mutex);
  for (int64_t waited = kStopGraceMs;; waited += kStopGraceMs) {
    const auto grace = std::chrono::milliseconds(kStopGraceMs);
    if (stop_over_changed.wait_for(lock, grace, [this] { return stop_over; })) return;
    leave_without(plugins->stuck_calls(kStopGraceMs));
    const char* at = stopping_at;
    if (std::exchange(seen_at, at) == at && (at == kThreads || ++looks >= kMostLooks)) {
      leave_without({"the stop has waited for " + std::string(at) + " for long, which"});
    }
    if (waited >= kStopLimitMs) leave_without({"the stop has taken " + std::to_string(waited / 1000) + " s"});
  }
}

void Daemon::Impl::leave_without(const std::vector<std::string>& stuck) {
  if (stuck.empty()) return;
  for (const auto& call : stuck) {
    log.write("", GANTRY_LOG_ERROR, call + ", does not end; the daemon ends without it");
  }
  ::_exit(0);
}

void Daemon::Impl::stop() {
  if (std::exchange(stopped, true)) return;
  if (auto* simulated = time.simulated()) simulated->end();
  std::thread guard;
  if (plugins) {
    plugins->begin_stop();
    guard = std::thread([this] { watch_stop(); });
  }
  folders.reset();
  if (objects) objects->stop();
  stopping_at = "controllers and the scheduler";
  if (server) {
    server->stop_clients();
  }
  node = nullptr;
  stopping_at = "the node agent";
  if (agent) agent->stop();
  stopping_at = kThreads;
  blocking.stop();
  stopping_at = "the API server and its store";
  agent.reset();
  if (server) server->stop_api();
  stopping_at = "plugins";
  if (plugins) plugins->shutdown();
  tasks.stop();
  timers.stop();
  server.reset();
  if (!guard.joinable()) return;
  {
    const std::lock_guard lock(stop_mutex);
    stop_over = true;
  }
  stop_over_changed.notify_all();
  guard.join();
  // Whoever was given up may go on at any moment, and must not find the rest taken apart.
  leave_without(plugins->stuck_calls(0));
}

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Daemon::~Daemon() { stop(); }
void Daemon::stop() { impl_->stop(); }
void Daemon::reload_configuration() { impl_->reload_configuration(); }

Expected<std::unique_ptr<Daemon>> Daemon::start(Config config, Log& log) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::make_unique<Impl>(std::move(config), log)));
  if (auto started = daemon->impl_->start(); !started.ok()) {
    daemon->stop();
    return started;
  }
  return daemon;
}

}  // namespace gantry::daemon
