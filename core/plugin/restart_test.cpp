// A plugin in a process of its own crashes, and does not even start again at first. The "process" is this one: what
// matters is what the host makes of its end.
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>

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

}  // namespace
}  // namespace gantry::plugin
