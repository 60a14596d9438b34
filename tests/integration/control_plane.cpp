#include "tests/integration/control_plane.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/apiserver/server.hpp"
#include "core/client/event_recorder.hpp"
#include "core/controller/controller_host.hpp"
#include "core/isolation/isolated_library.hpp"
#include "core/kinds/kinds.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/scheduler/scheduler.hpp"
#include "core/schema/schema.hpp"
#include "core/store/sqlite_store.hpp"
#include "k8s.io/api/core/v1/event.pb.h"

namespace gantry::integration {
namespace {

namespace fs = std::filesystem;

// A folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "gantry-integration-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

class Numbers : public plugin::ConfigTable {
 public:
  explicit Numbers(std::map<std::string, int64_t> values) : values_(std::move(values)) {}
  Expected<std::optional<std::string>> get_string(std::string_view) override { return std::optional<std::string>(); }
  Expected<std::optional<int64_t>> get_int(std::string_view key) override {
    const auto it = values_.find(std::string(key));
    return it == values_.end() ? std::nullopt : std::optional(it->second);
  }
  Expected<std::optional<bool>> get_bool(std::string_view) override { return std::optional<bool>(); }
  Expected<std::optional<std::vector<std::string>>> get_strings(std::string_view) override {
    return std::optional<std::vector<std::string>>();
  }
  std::vector<std::string> unknown_keys() const override { return {}; }

 private:
  const std::map<std::string, int64_t> values_;
};

constexpr int64_t kSimulatedStart = 1'893'456'000'000'000'000;  // 2030-01-01T00:00:00Z

http::Identity identity(const std::string& name) { return {"system:" + name, {"system:authenticated"}, {}}; }

}  // namespace

struct ControlPlane::Impl {
  explicit Impl(Options given);
  ~Impl();
  Status open();
  void start_scheduler();
  Status start_controllers();
  plugin::PluginSettings settings(const std::string& name) const;
  void stop_controllers();
  void write_log(std::string_view who, int32_t level, std::string_view text);

  Options options;
  TemporaryFolder folder;
  mutable std::mutex log_mutex;
  std::vector<std::pair<int32_t, std::string>> lines;
  plugin::SystemClock system_clock;
  std::unique_ptr<plugin::SimulatedTime> time;
  std::unique_ptr<plugin::Timers> own_timers;
  plugin::Timers& timers;
  const plugin::Clock& clock;
  plugin::WorkerPool tasks{"plugin-tasks", 4};
  plugin::WorkerPool blocking{"blocking", 4};
  std::unique_ptr<schema::Registry> schemas;
  // Answers the last writes while it ends, which needs the schema.
  std::unique_ptr<store::Store> store;
  std::unique_ptr<apiserver::ApiServer> api;
  std::unique_ptr<client::Client> test_client, controllers_client, events_client;
  std::unique_ptr<client::EventRecorder> events;
  std::unique_ptr<plugin::PluginHost> plugins;
  std::unique_ptr<controller::ControllerHost> controllers;
  std::unique_ptr<client::Client> scheduler_client;
  std::unique_ptr<scheduler::Scheduler> scheduler;
};

ControlPlane::Impl::Impl(Options given)
    : options(std::move(given)),
      time(options.simulated_seed ? std::make_unique<plugin::SimulatedTime>(plugin::SimulatedTime::Options{
                                        .start_unix_ns = kSimulatedStart,
                                        .seed = *options.simulated_seed,
                                        .log = [this](const std::string& text) { write_log("clock", 3, text); }})
                                  : nullptr),
      own_timers(time ? nullptr : std::make_unique<plugin::Timers>(system_clock)),
      timers(time ? time->timers() : *own_timers),
      clock(timers.clock()) {}

ControlPlane::Impl::~Impl() {
  if (time) time->end();
  if (scheduler) scheduler->stop();
  stop_controllers();
  events.reset();
  blocking.stop();
  if (api) api->stop();
  tasks.stop();
  timers.stop();
}

void ControlPlane::Impl::write_log(std::string_view who, int32_t level, std::string_view text) {
  const std::lock_guard lock(log_mutex);
  lines.emplace_back(level, std::string(who) + ": " + std::string(text));
  if (std::getenv("GANTRY_TEST_LOG") != nullptr) {
    std::fprintf(stderr, "[%d] %s\n", static_cast<int>(level), lines.back().second.c_str());
  }
}

Status ControlPlane::Impl::open() {
  if (folder.path().empty()) return Status::internal("no temporary folder");
  const simulation::Turn turn(time ? &time->turns() : nullptr, "the start");
  store::SqliteOptions store_options;
  store_options.path = folder.path() / "store.db";
  if (time) {
    store_options.turns = &time->turns();
    store_options.now = [this] {
      return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(clock.monotonic_ns()));
    };
    store_options.schedule = [this](int64_t delay_ms, std::function<void()> fn) {
      timers.start(delay_ms, std::move(fn));
    };
  }
  auto opened = store::open_sqlite(store_options);
  if (!opened) return std::move(opened).error();
  store = std::move(*opened);
  auto built = schema::Registry::create(kinds::all());
  if (!built) return std::move(built).error();
  schemas = std::move(*built);
  apiserver::Options api_options;
  api_options.post = [this](std::function<void()> work) { blocking.post(std::move(work)); };
  api_options.now_unix_ns = [this] { return clock.now_unix_ns(); };
  if (time) {
    api_options.random = [this] { return time->random(); };
    api_options.schedule = [this](int64_t ms, std::function<void()> fn) { timers.start(ms, std::move(fn)); };
    time->set_mark([this] { return store->revision(); });
  }
  auto made = apiserver::ApiServer::create(*schemas, *store, std::move(api_options));
  if (!made) return std::move(made).error();
  api = std::move(*made);
  test_client = client::make_local_client(*api, {"admin", {"system:masters", "system:authenticated"}, {}});
  controllers_client = client::make_local_client(*api, identity("controller-host"));
  events_client = client::make_local_client(*api, identity("apiserver"));
  events = std::make_unique<client::EventRecorder>(*events_client, [this] { return clock.now_unix_ns(); });
  if (options.scheduler) start_scheduler();
  return start_controllers();
}

void ControlPlane::Impl::start_scheduler() {
  scheduler_client = client::make_local_client(*api, identity("kube-scheduler"));
  scheduler::SchedulerOptions run;
  run.client = scheduler_client.get();
  run.clock = &clock;
  run.simulated = time != nullptr;
  run.schedule = [this](int64_t ms, std::function<void()> fn) { timers.start(ms, std::move(fn)); };
  run.record_event = [this](std::string_view regarding, std::string_view type, std::string_view reason,
                            std::string_view message) {
    events->record("default-scheduler", "", regarding, type, reason, message);
  };
  run.log = [this](int32_t level, std::string_view text) { write_log("scheduler", level, text); };
  scheduler = std::make_unique<scheduler::Scheduler>(std::move(run));
  scheduler->start();
}

Status ControlPlane::Impl::start_controllers() {
  plugin::PluginHostOptions host_options;
  host_options.clock = &clock;
  host_options.timers = &timers;
  host_options.tasks = &tasks;
  host_options.log = [this](std::string_view who, int32_t level, std::string_view text) {
    write_log(who, level, text);
  };
  host_options.log_level = 0;
  host_options.run_dir = folder.path() / "run";
  host_options.data_dir = folder.path();
  host_options.open_isolated = [](const plugin::PluginSettings& settings, const fs::path& copy,
                                  std::function<void(const std::string&)> on_exit) {
    isolation::IsolationOptions process;
    process.name = settings.name;
    process.copy = copy;
    process.host = GANTRY_PLUGIN_HOST;
    process.on_exit = std::move(on_exit);
    return isolation::open_isolated(std::move(process));
  };
  host_options.try_images = time == nullptr;
  if (time) host_options.main_call_ms = 0;
  plugins = std::make_unique<plugin::PluginHost>(std::move(host_options));
  controller::ControllerHostOptions run;
  run.plugins = plugins.get();
  run.timers = &timers;
  run.make_client = [this](const std::string& name) {
    return client::make_local_client(*api, identity("plugin:" + name));
  };
  run.client = controllers_client.get();
  run.resources = [this] {
    std::vector<controller::ControllerHostOptions::Resource> found;
    const auto schema = schemas->now();
    for (const auto* kind : schema->kinds()) {
      if (kind->has_verb("list") && kind->has_verb("watch"))
        found.push_back({kind->group, kind->version, kind->plural});
    }
    return found;
  };
  run.indexes = [this](const controller::InformerKey& what) {
    const auto schema = schemas->now();
    const auto* kind = schema->find_resource(what.group, what.version, what.resource);
    return kind == nullptr ? std::vector<schema::IndexedField>() : kind->indexes;
  };
  run.record_event = [this](const std::string& who, std::string_view regarding, std::string_view type,
                            std::string_view reason,
                            std::string_view message) { events->record(who, "", regarding, type, reason, message); };
  run.log = [this](int32_t level, std::string_view text) { write_log("controllers", level, text); };
  controllers = std::make_unique<controller::ControllerHost>(std::move(run));
  for (const auto& name : options.plugins) {
    if (const auto loaded = plugins->load(settings(name)); !loaded) return loaded.error();
  }
  controllers->start();
  return {};
}

plugin::PluginSettings ControlPlane::Impl::settings(const std::string& name) const {
  plugin::PluginSettings settings;
  settings.name = name;
  settings.path = fs::path(GANTRY_PLUGINS) / (name + ".so");
  if (const auto it = options.config.find(name); it != options.config.end()) {
    settings.config = std::make_shared<Numbers>(it->second);
    for (const auto& [key, value] : it->second) settings.config_text += key + " = " + std::to_string(value) + "\n";
  }
  if (const auto it = options.tables.find(name); it != options.tables.end()) {
    if (!it->second.file.empty()) settings.path = it->second.file;
    settings.watch = it->second.watch;
    settings.replaces = it->second.replaces;
  }
  return settings;
}

void ControlPlane::Impl::stop_controllers() {
  if (plugins) plugins->begin_stop();
  if (controllers) controllers->stop();
  controllers.reset();
  if (plugins) plugins->shutdown();
  plugins.reset();
}

ControlPlane::ControlPlane(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlPlane::~ControlPlane() = default;

Expected<std::unique_ptr<ControlPlane>> ControlPlane::start(Options options) {
  std::unique_ptr<ControlPlane> plane(new ControlPlane(std::make_unique<Impl>(std::move(options))));
  if (auto status = plane->impl_->open(); !status.ok()) return status;
  return plane;
}

client::Client& ControlPlane::client() { return *impl_->test_client; }
plugin::SimulatedTime* ControlPlane::time() { return impl_->time.get(); }
Expected<plugin::SimulatedTime::State> ControlPlane::advance(std::chrono::seconds by) {
  auto& time = *impl_->time;
  return time.advance_to(time.clock().now_unix_ns() + std::chrono::nanoseconds(by).count());
}
void ControlPlane::after(int64_t delay_ms, std::function<void()> fn) { impl_->timers.start(delay_ms, std::move(fn)); }
std::filesystem::path ControlPlane::data_dir(const std::string& plugin) const {
  return impl_->folder.path() / "plugins" / plugin;
}

void ControlPlane::stop_controllers() { impl_->stop_controllers(); }

Status ControlPlane::restart_controllers() {
  impl_->stop_controllers();
  return impl_->start_controllers();
}

void ControlPlane::set_config(const std::string& plugin, std::map<std::string, int64_t> config) {
  impl_->options.config[plugin] = std::move(config);
}
bool ControlPlane::synced() const { return impl_->controllers->synced(); }
Status ControlPlane::extend(const std::string& owner, std::string_view descriptors) {
  auto done = impl_->schemas->extend(owner, descriptors);
  if (done.ok()) impl_->controllers->resources_changed();
  return done;
}
Status ControlPlane::reload(const std::string& plugin) { return impl_->plugins->reload(impl_->settings(plugin)); }
Status ControlPlane::disable(const std::string& plugin) { return impl_->plugins->disable(plugin); }
plugin::PluginHost& ControlPlane::plugins() { return *impl_->plugins; }

std::vector<std::string> ControlPlane::log(int32_t level) const {
  const std::lock_guard lock(impl_->log_mutex);
  std::vector<std::string> found;
  for (const auto& [at, text] : impl_->lines) {
    if (at >= level) found.push_back(text);
  }
  return found;
}

std::vector<std::string> ControlPlane::events(const std::string& name) {
  auto all = list<corev1::Event>();
  std::erase_if(all, [&](const corev1::Event& event) { return event.involved_object().name() != name; });
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::stoll(a.metadata().resource_version()) < std::stoll(b.metadata().resource_version());
  });
  std::vector<std::string> texts;
  for (const auto& event : all) texts.push_back(event.reason() + ": " + event.message());
  return texts;
}

}  // namespace gantry::integration
