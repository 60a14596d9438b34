#include "core/daemon/control_plane.hpp"

#include <unistd.h>

#include "core/daemon/stored_kinds.hpp"
#include "core/kinds/kinds.hpp"
#include "core/limits/notices.hpp"
#include "core/network/services/service_allocation.hpp"
#include "gantry/abi/log.h"

namespace gantry::daemon {

Expected<std::unique_ptr<ControlPlane>> ControlPlane::open(ControlPlaneOptions options) {
  std::unique_ptr<ControlPlane> plane(new ControlPlane(std::move(options)));
  auto store = plane->options_.store;
  store.notices = plane->options_.notices;
  store.log = plane->logger("store");
  if (auto* time = plane->options_.simulated) {
    store.turns = &time->turns();
    store.now = [clock = plane->options_.clock] {
      return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(clock->monotonic_ns()));
    };
    store.schedule = plane->schedule();
  }
  auto opened = store::open_sqlite(store);
  if (!opened) return std::move(opened).error();
  plane->store_ = std::move(*opened);
  return plane;
}

ControlPlane::~ControlPlane() {
  stop();
  if (auto* time = options_.simulated) time->set_mark(nullptr);
}

std::function<void(int32_t, std::string_view)> ControlPlane::logger(const char* part) const {
  return [&log = options_.log, part](int32_t level, std::string_view text) {
    if (log) log(part, level, text);
  };
}

std::function<void(int64_t, std::function<void()>)> ControlPlane::schedule() const {
  return [timers = options_.timers](int64_t delay_ms, std::function<void()> fn) {
    timers->start(delay_ms, std::move(fn));
  };
}

std::function<int64_t()> ControlPlane::now() const {
  return [clock = options_.clock] { return clock->now_unix_ns(); };
}

std::function<void(std::string_view, std::string_view, std::string_view, std::string_view)> ControlPlane::recorder(
    const char* component) const {
  return
      [this, component](std::string_view regarding, std::string_view type, std::string_view reason,
                        std::string_view message) { events_->record(component, "", regarding, type, reason, message); };
}

apiserver::Options ControlPlane::api_options() {
  auto options = std::move(options_.api);
  options.notices = options_.notices;
  options.now_unix_ns = now();
  options.post = [this](std::function<void()> work) {
    if (options_.blocking->post(std::move(work))) return;
    logger("api")(GANTRY_LOG_WARN, "too much waits for a thread; a log or exec request was dropped");
  };
  if (auto* time = options_.simulated) {
    options.schedule = schedule();
    options.random = [time] { return time->random(); };
  }
  options.checks.push_back({"informer-sync", [this] { return started_ && synced(); }});
  // By the names that clients know.
  const auto runs = [this] { return started_.load(); };
  const auto why = [] { return std::string("it does not run"); };
  if (options_.scheduler) options.parts.push_back({"scheduler", runs, why});
  options.parts.push_back({"controller-manager", [this] { return started_ && synced(); },
                           [] { return std::string("its caches are not filled"); }});
  options.parts.push_back(
      {"etcd-0", [this] { return store_->health().ok(); }, [this] { return store_->health().message(); }});
  return options;
}

Status ControlPlane::give_service_numbers() {
  if (options_.services.addresses.empty()) return {};
  network::ServiceAllocationOptions options;
  options.store = store_.get();
  options.ranges = options_.services;
  options.random = [time = options_.simulated] {
    uint64_t chance = 0;
    if (time != nullptr) return time->random();
    if (::getentropy(&chance, sizeof chance) != 0) chance = static_cast<uint64_t>(::getpid());
    return chance;
  };
  options.run = [this](std::function<void()> read) { ranges_reads_.post(std::move(read)); };
  options.log = logger("network");
  auto step = network::make_service_allocation(std::move(options));
  if (!step) return std::move(step).error();
  options_.api.admission.push_back(std::move(*step));
  return {};
}

Status ControlPlane::serve() {
  auto schemas = schema::Registry::create(kinds::all());
  if (!schemas) return std::move(schemas).error();
  schemas_ = std::move(*schemas);
  if (auto* time = options_.simulated) {
    time->set_mark([this] { return store_->revision(); });
  }
  if (auto status = give_service_numbers(); !status.ok()) return status;
  auto api = apiserver::ApiServer::create(*schemas_, *store_, api_options());
  if (!api) return std::move(api).error();
  api_ = std::move(*api);
  events_client_ = make_client(component("apiserver"));
  client::EventRecorder::Options events;
  events.notices = options_.notices;
  events_ = std::make_unique<client::EventRecorder>(*events_client_, now(), events);
  return {};
}

http::Identity ControlPlane::component(std::string_view name) {
  return {"system:" + std::string(name), {"system:authenticated"}, {}};
}

std::unique_ptr<client::Client> ControlPlane::make_client(http::Identity identity) {
  return client::make_local_client(*api_, std::move(identity));
}

void ControlPlane::record_event(std::string_view component, std::string_view regarding, std::string_view type,
                                std::string_view reason, std::string_view message) {
  events_->record(component, "", regarding, type, reason, message);
}

std::vector<controller::ControllerHostOptions::Resource> ControlPlane::resources() const {
  std::vector<controller::ControllerHostOptions::Resource> found;
  const auto schema = schemas_->now();
  for (const auto* kind : schema->kinds()) {
    if (kind->storage != kind) continue;  // another version shows the same objects
    if (kind->has_verb("list") && kind->has_verb("watch")) found.push_back({kind->group, kind->version, kind->plural});
  }
  return found;
}

void ControlPlane::kinds_changed() {
  api_->end_outdated_watches();
  if (controllers_) controllers_->resources_changed();
}

void ControlPlane::attach(plugin::PluginHost& plugins) {
  // Before the controllers, which watch what a plugin brings.
  kinds_ = std::make_unique<PluginKinds>(
      plugins, *schemas_, [this] { kinds_changed(); },
      [this](const std::string& group, const std::string& plural) { return stored_objects(*store_, group, plural); });
  if (!controllers_client_) controllers_client_ = make_client(component("controller-host"));
  controller::ControllerHostOptions options;
  options.plugins = &plugins;
  options.timers = options_.timers;
  options.make_client = [this](const std::string& plugin) { return make_client(component("plugin:" + plugin)); };
  options.client = controllers_client_.get();
  options.resources = [this] { return resources(); };
  options.indexes = [this](const controller::InformerKey& what) {
    const auto schema = schemas_->now();
    const auto* kind = schema->find_resource(what.group, what.version, what.resource);
    return kind == nullptr ? std::vector<schema::IndexedField>() : kind->indexes;
  };
  options.record_event = [this](const std::string& who, std::string_view regarding, std::string_view type,
                                std::string_view reason,
                                std::string_view message) { record_event(who, regarding, type, reason, message); };
  options.log = logger("controllers");
  options.notices = options_.notices;
  auto made = std::make_unique<controller::ControllerHost>(std::move(options));
  const std::lock_guard lock(controllers_mutex_);
  controllers_ = std::move(made);
}

void ControlPlane::start(NodeRanges ranges) {
  say_unserved();
  start_controllers();
  if (options_.scheduler) start_scheduler();
  if (!ranges.cluster.empty()) give_ranges(std::move(ranges));
  started_ = true;
}

// Objects of kinds that nobody brings are there, and nobody sees them.
void ControlPlane::say_unserved() const {
  for (const auto& what : unserved_resources(*store_, *schemas_->now())) {
    logger("api")(GANTRY_LOG_WARN, what.plural + "." + what.group + ": " + std::to_string(what.count) +
                                       " stored, but no plugin that is loaded serves this kind; they are kept until "
                                       "one does");
  }
}

void ControlPlane::start_controllers() { controllers_->start(); }

void ControlPlane::start_scheduler() {
  scheduler_client_ = make_client(component("kube-scheduler"));
  scheduler::SchedulerOptions options;
  options.client = scheduler_client_.get();
  options.clock = options_.clock;
  options.simulated = options_.simulated != nullptr;
  options.schedule = schedule();
  options.record_event = recorder("default-scheduler");
  options.log = logger("scheduler");
  options.notices = options_.notices;
  scheduler_ = std::make_unique<scheduler::Scheduler>(std::move(options));
  scheduler_->start();
}

void ControlPlane::give_ranges(NodeRanges ranges) {
  ranges_client_ = make_client(component("node-ranges"));
  network::PodRangesOptions options;
  options.client = ranges_client_.get();
  options.cluster = std::move(ranges.cluster);
  options.node_prefix_ipv4 = ranges.prefix_ipv4;
  options.node_prefix_ipv6 = ranges.prefix_ipv6;
  options.now_unix_ns = now();
  options.schedule = schedule();
  options.run = [this](std::function<void()> read) { ranges_reads_.post(std::move(read)); };
  options.record_event = recorder("cidrAllocator");
  options.log = logger("network");
  options.trouble = [this](std::string_view topic, std::string_view text) {
    if (options_.notices != nullptr) {
      options_.notices->tell(topic, "network", GANTRY_LOG_WARN, text);
    } else {
      logger("network")(GANTRY_LOG_WARN, text);
    }
  };
  ranges_ = std::make_unique<network::PodRanges>(std::move(options));
}

void ControlPlane::advertise(const network::Address& server, int port) {
  if (options_.services.addresses.empty()) return;
  own_client_ = make_client(component("apiserver"));
  network::ApiServiceOptions options;
  options.client = own_client_.get();
  options.ranges = options_.services.addresses;
  options.server = server;
  options.port = port;
  options.schedule = schedule();
  options.log = logger("network");
  own_service_ = std::make_unique<network::ApiService>(std::move(options));
  keep_addresses();
}

void ControlPlane::keep_addresses() {
  const auto run = [this](std::function<void()> read) { ranges_reads_.post(std::move(read)); };
  network::AddressKeeperOptions addresses;
  addresses.client = own_client_.get();
  addresses.schedule = schedule();
  addresses.run = run;
  addresses.log = logger("network");
  addresses_ = std::make_unique<network::AddressKeeper>(std::move(addresses));
  network::RangeKeeperOptions ranges;
  ranges.client = own_client_.get();
  ranges.now_unix_ns = now();
  ranges.ranges = options_.services;
  ranges.schedule = schedule();
  ranges.run = run;
  ranges.log = logger("network");
  service_ranges_ = std::make_unique<network::RangeKeeper>(std::move(ranges));
}

bool ControlPlane::synced() const {
  const std::lock_guard lock(controllers_mutex_);
  return controllers_ && controllers_->synced();
}

bool ControlPlane::ready() const { return started_ && synced() && store_->health().ok(); }

void ControlPlane::end_controllers() {
  std::unique_ptr<controller::ControllerHost> last;
  {
    const std::lock_guard lock(controllers_mutex_);
    last = std::move(controllers_);
  }
}

void ControlPlane::stop_controllers() {
  if (controllers_) controllers_->stop();
  kinds_.reset();
  end_controllers();
}

void ControlPlane::stop_clients() {
  started_ = false;
  ranges_.reset();
  service_ranges_.reset();
  addresses_.reset();
  ranges_reads_.stop();
  own_service_.reset();
  if (scheduler_) scheduler_->stop();
  if (controllers_) controllers_->stop();
  kinds_.reset();
}

void ControlPlane::stop() {
  stop_clients();
  scheduler_.reset();
  end_controllers();
  events_.reset();
  if (api_) api_->stop();
}

}  // namespace gantry::daemon
