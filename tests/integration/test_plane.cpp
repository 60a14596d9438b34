#include "tests/integration/test_plane.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/daemon/control_plane.hpp"
#include "core/files/testing.hpp"
#include "core/isolation/isolated_library.hpp"
#include "core/plugin/plugin_host.hpp"
#include "k8s.io/api/core/v1/event.pb.h"

namespace gantry::integration {
namespace {

namespace fs = std::filesystem;

// A folder that goes with the test.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

// Where plugins' files can be loaded from.
std::string new_folder() {
  std::string name = (fs::temp_directory_path() / "gantry-integration-XXXXXX").string();
  return ::mkdtemp(name.data()) != nullptr ? name : std::string();
}

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

}  // namespace

struct TestPlane::Impl {
  explicit Impl(Options given);
  ~Impl();
  Status open();
  daemon::ControlPlaneOptions plane_options();
  void make_plugin_host();
  Status load_plugins();
  plugin::PluginSettings settings(const std::string& name) const;
  void stop_controllers();
  void write_log(std::string_view who, int32_t level, std::string_view text);

  Options options;
  TemporaryFolder folder{new_folder()};
  TemporaryFolder database{testing_support::new_database_folder("gantry-integration-store")};
  mutable std::mutex log_mutex;
  std::vector<std::pair<int32_t, std::string>> lines;
  plugin::SystemClock system_clock;
  std::unique_ptr<plugin::SimulatedTime> time;
  std::unique_ptr<plugin::Timers> own_timers;
  plugin::Timers& timers;
  const plugin::Clock& clock;
  plugin::WorkerPool tasks{"plugin-tasks", 4};
  plugin::WorkerPool blocking{"blocking", 4};
  std::unique_ptr<plugin::PluginHost> plugins;
  std::unique_ptr<daemon::ControlPlane> plane;
  std::unique_ptr<client::Client> test_client;
};

TestPlane::Impl::Impl(Options given)
    : options(std::move(given)),
      time(options.simulated_seed ? std::make_unique<plugin::SimulatedTime>(plugin::SimulatedTime::Options{
                                        .start_unix_ns = kSimulatedStart,
                                        .seed = *options.simulated_seed,
                                        .log = [this](const std::string& text) { write_log("clock", 3, text); }})
                                  : nullptr),
      own_timers(time ? nullptr : std::make_unique<plugin::Timers>(system_clock)),
      timers(time ? time->timers() : *own_timers),
      clock(timers.clock()) {}

TestPlane::Impl::~Impl() {
  if (time) time->end();
  if (plugins) plugins->begin_stop();
  if (plane) plane->stop_clients();
  blocking.stop();
  if (plane) plane->stop();
  if (plugins) plugins->shutdown();
  tasks.stop();
  timers.stop();
}

void TestPlane::Impl::write_log(std::string_view who, int32_t level, std::string_view text) {
  const std::lock_guard lock(log_mutex);
  lines.emplace_back(level, std::string(who) + ": " + std::string(text));
  if (std::getenv("GANTRY_TEST_LOG") != nullptr) {
    std::fprintf(stderr, "[%d] %s\n", static_cast<int>(level), lines.back().second.c_str());
  }
}

daemon::ControlPlaneOptions TestPlane::Impl::plane_options() {
  daemon::ControlPlaneOptions given;
  given.store.path = database.path() / "store.db";
  given.clock = &clock;
  given.timers = &timers;
  given.blocking = &blocking;
  given.simulated = time.get();
  given.log = [this](std::string_view part, int32_t level, std::string_view text) { write_log(part, level, text); };
  given.scheduler = options.scheduler;
  return given;
}

Status TestPlane::Impl::open() {
  if (folder.path().empty() || database.path().empty()) return Status::internal("no temporary folder");
  const simulation::Turn turn(time ? &time->turns() : nullptr, "the start");
  auto opened = daemon::ControlPlane::open(plane_options());
  if (!opened) return std::move(opened).error();
  plane = std::move(*opened);
  if (auto serves = plane->serve(); !serves.ok()) return serves;
  test_client = plane->make_client({"admin", {"system:masters", "system:authenticated"}, {}});
  if (auto loaded = load_plugins(); !loaded.ok()) return loaded;
  plane->start();
  return {};
}

void TestPlane::Impl::make_plugin_host() {
  plugin::PluginHostOptions given;
  given.clock = &clock;
  given.timers = &timers;
  given.tasks = &tasks;
  given.log = [this](std::string_view who, int32_t level, std::string_view text) { write_log(who, level, text); };
  given.log_level = 0;
  given.run_dir = folder.path() / "run";
  given.data_dir = folder.path();
  given.open_isolated = [](const plugin::PluginSettings& settings, const fs::path& copy,
                           std::function<void(const std::string&)> on_exit) {
    isolation::IsolationOptions process;
    process.name = settings.name;
    process.copy = copy;
    process.host = GANTRY_PLUGIN_HOST;
    process.on_exit = std::move(on_exit);
    return isolation::open_isolated(std::move(process));
  };
  given.try_images = time == nullptr;
  if (time) given.main_call_ms = 0;
  plugins = std::make_unique<plugin::PluginHost>(std::move(given));
}

Status TestPlane::Impl::load_plugins() {
  make_plugin_host();
  plane->attach(*plugins);
  for (const auto& name : options.plugins) {
    if (const auto loaded = plugins->load(settings(name)); !loaded) return loaded.error();
  }
  return {};
}

plugin::PluginSettings TestPlane::Impl::settings(const std::string& name) const {
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

void TestPlane::Impl::stop_controllers() {
  if (!plugins) return;
  plugins->begin_stop();
  plane->stop_controllers();
  plugins->shutdown();
  plugins.reset();
}

TestPlane::TestPlane(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TestPlane::~TestPlane() = default;

Expected<std::unique_ptr<TestPlane>> TestPlane::start(Options options) {
  std::unique_ptr<TestPlane> plane(new TestPlane(std::make_unique<Impl>(std::move(options))));
  if (auto status = plane->impl_->open(); !status.ok()) return status;
  return plane;
}

client::Client& TestPlane::client() { return *impl_->test_client; }
plugin::SimulatedTime* TestPlane::time() { return impl_->time.get(); }
Expected<plugin::SimulatedTime::State> TestPlane::advance(std::chrono::seconds by) {
  auto& time = *impl_->time;
  return time.advance_to(time.clock().now_unix_ns() + std::chrono::nanoseconds(by).count());
}
void TestPlane::after(int64_t delay_ms, std::function<void()> fn) { impl_->timers.start(delay_ms, std::move(fn)); }
std::filesystem::path TestPlane::data_dir(const std::string& plugin) const {
  return impl_->folder.path() / "plugins" / plugin;
}

void TestPlane::stop_controllers() { impl_->stop_controllers(); }

Status TestPlane::restart_controllers() {
  impl_->stop_controllers();
  if (auto loaded = impl_->load_plugins(); !loaded.ok()) return loaded;
  impl_->plane->start_controllers();
  return {};
}

void TestPlane::set_config(const std::string& plugin, std::map<std::string, int64_t> config) {
  impl_->options.config[plugin] = std::move(config);
}
bool TestPlane::synced() const { return impl_->plane->synced(); }
Status TestPlane::extend(const std::string& owner, std::string_view descriptors) {
  auto done = impl_->plane->schemas().extend(owner, descriptors);
  if (done.ok()) impl_->plane->kinds_changed();
  return done;
}
Status TestPlane::reload(const std::string& plugin) { return impl_->plugins->reload(impl_->settings(plugin)); }
Status TestPlane::disable(const std::string& plugin) { return impl_->plugins->disable(plugin); }
plugin::PluginHost& TestPlane::plugins() { return *impl_->plugins; }

std::vector<std::string> TestPlane::log(int32_t level) const {
  const std::lock_guard lock(impl_->log_mutex);
  std::vector<std::string> found;
  for (const auto& [at, text] : impl_->lines) {
    if (at >= level) found.push_back(text);
  }
  return found;
}

std::vector<std::string> TestPlane::events(const std::string& name) {
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
