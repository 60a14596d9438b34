// A plugin in a process of its own crashes, and does not even start again at first. The "process" is this one: what
// matters is what the host makes of its end.
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <future>
#include <thread>

#include "core/plugin/library.hpp"
#include "core/plugin/plugin_host.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

class RestartTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("gantry-restart-test-" + std::to_string(::getpid()));
    fs::create_directories(dir_);
    PluginHostOptions options;
    options.clock = &clock_;
    options.timers = &timers_;
    options.tasks = &pool_;
    options.log = [](std::string_view, int32_t, std::string_view) {};
    options.run_dir = dir_ / "run";
    options.data_dir = dir_ / "data";
    options.open_isolated =
        [this](const PluginSettings& settings, const fs::path& copy,
               std::function<void(const std::string&)> on_exit) -> Expected<std::unique_ptr<LoadedLibrary>> {
      const std::lock_guard lock(mutex_);
      ++opened_;
      if (refuse_ > 0) {
        --refuse_;
        return Status::unavailable("no process today");
      }
      on_exit_ = std::move(on_exit);
      return LoadedLibrary::open(settings.path, copy, {});
    };
    host_ = std::make_unique<PluginHost>(std::move(options));
    host_->on_change([this](const Plugin&) { changed_.notify_all(); });
    PluginSettings wanted{"slow", fs::path(TEST_PLUGINS) / "slow.so", "", false, nullptr};
    wanted.isolation.process = true;
    const auto loaded = host_->load(wanted);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message();
    plugin_ = *loaded;
  }
  void TearDown() override {
    plugin_.reset();
    host_.reset();
    fs::remove_all(dir_);
  }
  void crash(int refused_starts) {
    std::function<void(const std::string&)> exit;
    {
      const std::lock_guard lock(mutex_);
      refuse_ = refused_starts;
      exit = on_exit_;
    }
    exit("killed by SIGSEGV");
  }
  bool wait(const std::function<bool(const PluginInfo&)>& check) {
    std::unique_lock lock(mutex_);
    for (int i = 0; i < 2'000; ++i) {
      lock.unlock();
      const bool done = check(plugin_->info());
      lock.lock();
      if (done) return true;
      changed_.wait_for(lock, std::chrono::milliseconds(10));
    }
    return false;
  }

  fs::path dir_;
  SystemClock clock_;
  Timers timers_{clock_};
  WorkerPool pool_{"test", 2};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void(const std::string&)> on_exit_;
  int refuse_ = 0, opened_ = 0;
  std::unique_ptr<PluginHost> host_;
  std::shared_ptr<Plugin> plugin_;
};

TEST_F(RestartTest, ARestartThatFailsIsTriedAgain) {
  crash(2);
  ASSERT_TRUE(wait([](const PluginInfo& info) { return info.message == "no process today"; }));
  EXPECT_EQ(plugin_->info().phase, PluginPhase::kCrashed);
  ASSERT_TRUE(wait([](const PluginInfo& info) { return info.phase == PluginPhase::kRunning; }));
  const auto info = plugin_->info();
  EXPECT_EQ(info.restarts, 1u);
  EXPECT_EQ(info.message, "");
  EXPECT_GE(info.crashes, 3u) << "each failure makes the next wait longer";
  const std::lock_guard lock(mutex_);
  EXPECT_EQ(opened_, 4);
}

TEST_F(RestartTest, WhoMendsItMeanwhileIsHeard) {
  crash(1'000);
  ASSERT_TRUE(wait([](const PluginInfo& info) { return info.message == "no process today"; }));
  {
    const std::lock_guard lock(mutex_);
    refuse_ = 0;
  }
  PluginSettings wanted{"slow", fs::path(TEST_PLUGINS) / "slow.so", "", false, nullptr};
  wanted.isolation.process = true;
  EXPECT_TRUE(host_->reload(wanted).ok());
  EXPECT_EQ(plugin_->info().phase, PluginPhase::kRunning);
}

TEST_F(RestartTest, NothingIsStartedAnewWhileTheDaemonStops) {
  host_->begin_stop();
  crash(0);
  EXPECT_EQ(plugin_->info().crashes, 0u);
  EXPECT_EQ(timers_.waiting(), 0u);
  plugin_.reset();
  host_.reset();
  EXPECT_EQ(opened_, 1);
}

// A library whose end waits for the thread that tells of its crash, as one in a process does.
class Joining final : public LoadedLibrary {
 public:
  Joining(std::unique_ptr<LoadedLibrary> real, std::function<void(const std::string&)> on_exit,
          std::promise<void>& ends, std::promise<bool>& ended_elsewhere)
      : real_(std::move(real)), on_exit_(std::move(on_exit)), ends_(ends), ended_elsewhere_(ended_elsewhere) {}
  ~Joining() override {
    ends_.set_value();
    const bool elsewhere = std::this_thread::get_id() != thread_.get_id();
    elsewhere ? thread_.join() : thread_.detach();
    ended_elsewhere_.set_value(elsewhere);
  }
  const gantry_plugin_api& api() const override { return real_->api(); }
  const fs::path& copy() const override { return real_->copy(); }
  void crash() {
    thread_ = std::thread([exit = on_exit_] { exit("killed by SIGSEGV"); });
  }

 private:
  std::unique_ptr<LoadedLibrary> real_;
  std::function<void(const std::string&)> on_exit_;
  std::promise<void>& ends_;
  std::promise<bool>& ended_elsewhere_;
  std::thread thread_;
};

// The daemon stops just when a process's end is being told of.
TEST(RestartRace, WhoTellsOfTheEndOwnsNothing) {
  auto pattern = (fs::temp_directory_path() / "gantry-restart-race-XXXXXX").string();
  const fs::path dir = ::mkdtemp(pattern.data());
  std::promise<void> told, ends;
  std::promise<bool> ended_elsewhere;
  Joining* library = nullptr;
  SystemClock clock;
  Timers timers(clock);
  WorkerPool pool("test", 1);
  PluginHostOptions options;
  options.clock = &clock;
  options.timers = &timers;
  options.tasks = &pool;
  options.run_dir = dir / "run";
  options.data_dir = dir / "data";
  options.log = [&](std::string_view, int32_t, std::string_view text) {
    if (text.find(" crashed: ") == std::string_view::npos) return;
    told.set_value();
    // Until the stop has let go of the plugin; it may not wait for this one to be done first.
    EXPECT_EQ(ends.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
  };
  options.open_isolated = [&](const PluginSettings& settings, const fs::path& copy,
                              std::function<void(const std::string&)> on_exit) {
    auto real = LoadedLibrary::open(settings.path, copy, {});
    EXPECT_TRUE(real.ok()) << real.error().message();
    auto made = std::make_unique<Joining>(std::move(*real), std::move(on_exit), ends, ended_elsewhere);
    library = made.get();
    return Expected<std::unique_ptr<LoadedLibrary>>(std::move(made));
  };
  auto host = std::make_unique<PluginHost>(std::move(options));
  PluginSettings wanted{"slow", fs::path(TEST_PLUGINS) / "slow.so", "", false, nullptr};
  wanted.isolation.process = true;
  ASSERT_TRUE(host->load(wanted).ok());
  library->crash();
  told.get_future().wait();
  host.reset();
  EXPECT_TRUE(ended_elsewhere.get_future().get()) << "on the thread that it waits for";
  fs::remove_all(dir);
}

}  // namespace
}  // namespace gantry::plugin
