// Calls over their deadline are reported with the place where they are; the others cost nothing and wake nobody.
#include "core/plugin/watchdog.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <thread>

#include "core/plugin/plugin_host.hpp"
#include "gantry/abi/controller.h"
#include "gantry/bytes.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class WatchdogTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("gantry-watchdog-test-" + std::to_string(::getpid()) + "-" +
                                        testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(dir_);
    PluginHostOptions options;
    options.clock = &clock_;
    options.timers = &timers_;
    options.tasks = &pool_;
    options.log = [this](std::string_view plugin, int32_t, std::string_view text) {
      const std::lock_guard lock(mutex_);
      log_ += std::string(plugin) + "|" + std::string(text) + "\n";
      changed_.notify_all();
    };
    options.run_dir = dir_ / "run";
    options.data_dir = dir_ / "data";
    host_ = std::make_unique<PluginHost>(std::move(options));
    settings_ = {"slow", fs::path(TEST_PLUGINS) / "slow.so", "", false, nullptr};
  }
  void TearDown() override {
    host_.reset();
    fs::remove_all(dir_);
  }
  std::shared_ptr<Plugin> load(int64_t deadline_ms) {
    settings_.watch.deadline_ms = deadline_ms;
    auto loaded = host_->load(settings_);
    EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message());
    return loaded.ok() ? *loaded : nullptr;
  }
  // As a controller's worker does it.
  void reconcile(Plugin& plugin, std::string_view name) {
    const auto call = plugin.enter();
    auto& instance = call.pinned();
    const Watchdog::Watch watch(host_->watchdog(), instance, instance.watch().deadline_ms, "ns", name);
    Buffer result, error;
    EXPECT_EQ(call.table<gantry_controller>(GANTRY_CONTROLLER_ID)
                  ->reconcile(call.instance(), to_slice("ns"), to_slice(name), result.out(), error.out()),
              0);
  }
  void tell() { std::ofstream(dir_ / "data" / "plugins" / "slow" / "go") << "go"; }
  std::string log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  bool logged(const std::string& text, size_t times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(20), [&] {
      size_t found = 0;
      for (size_t at = 0; (at = log_.find(text, at)) != std::string::npos; ++at) ++found;
      return found >= times;
    });
  }

  fs::path dir_;
  SystemClock clock_;
  Timers timers_{clock_};
  WorkerPool pool_{"test", 2};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string log_;
  std::unique_ptr<PluginHost> host_;
  PluginSettings settings_;
};

// A line of what the kernel says of the watchdog's thread; "" when there is none.
std::string fact_of_watchdog(const std::string& wanted) {
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::string name, word;
    std::ifstream(task.path() / "comm") >> name;
    if (name != "watchdog") continue;
    std::ifstream status(task.path() / "status");
    while (status >> word) {
      if (word == wanted && status >> word) return word;
    }
  }
  return {};
}

// How often it has slept and been woken.
int64_t wakes_of_watchdog() { return std::stoll("0" + fact_of_watchdog("voluntary_ctxt_switches:")); }

TEST_F(WatchdogTest, SaysWhoIsOverdueAndWhere) {
  const auto plugin = load(50);
  ASSERT_NE(plugin, nullptr);
  auto call = std::async(std::launch::async, [&] { reconcile(*plugin, "slow-1"); });
  ASSERT_TRUE(logged("the reconcile of ns/slow-1 has run for"));
  ASSERT_TRUE(logged("linger_until_told")) << log();
  EXPECT_NE(log().find("slow.so+0x"), std::string::npos) << log();
  const auto late = plugin->info();
  EXPECT_GE(late.overdue, 1u);
  EXPECT_EQ(late.overdue_now, 1u);
  EXPECT_NE(late.last_overdue_stack.find("linger_until_told"), std::string::npos) << late.last_overdue_stack;
  tell();
  call.get();
  EXPECT_EQ(plugin->info().overdue_now, 0u);
  EXPECT_NE(log().find("the reconcile of ns/slow-1 has ended, after"), std::string::npos);
}

// As a build installs it: the plugin stripped, its names in a file beside it.
TEST_F(WatchdogTest, FindsTheNamesOfAStrippedPlugin) {
  const auto file = dir_ / "slow.so";
  const auto run = [&](const std::string& arguments) { return std::system(("objcopy " + arguments).c_str()); };
  const std::string built = settings_.path.string();
  ASSERT_EQ(run("--only-keep-debug " + built + " " + file.string() + ".debug"), 0);
  ASSERT_EQ(run("--strip-all " + built + " " + file.string()), 0);
  settings_.path = file;
  const auto plugin = load(50);
  ASSERT_NE(plugin, nullptr);
  auto call = std::async(std::launch::async, [&] { reconcile(*plugin, "slow-1"); });
  EXPECT_TRUE(logged("linger_until_told")) << log();
  tell();
  call.get();
}

TEST_F(WatchdogTest, NamesOfAnotherBuildAreNotBelieved) {
  const auto file = dir_ / "slow.so";
  const auto run = [&](const std::string& arguments) { return std::system(("objcopy " + arguments).c_str()); };
  const auto other = (fs::path(TEST_PLUGINS) / "test_plugin_good.so").string();
  ASSERT_EQ(run("--only-keep-debug " + other + " " + file.string() + ".debug"), 0);
  ASSERT_EQ(run("--strip-all " + settings_.path.string() + " " + file.string()), 0);
  settings_.path = file;
  const auto plugin = load(50);
  ASSERT_NE(plugin, nullptr);
  auto call = std::async(std::launch::async, [&] { reconcile(*plugin, "slow-1"); });
  EXPECT_TRUE(logged("slow.so+0x")) << log();
  EXPECT_EQ(plugin->info().last_overdue_stack.find("test_plugin"), std::string::npos);
  EXPECT_EQ(plugin->info().last_overdue_stack.find("linger_until_told"), std::string::npos);
  tell();
  call.get();
}

// One call that does not end strikes again and again, at longer and longer intervals; a reload begins anew.
TEST_F(WatchdogTest, CountsStrikesUntilAReload) {
  const auto plugin = load(20);
  ASSERT_NE(plugin, nullptr);
  auto call = std::async(std::launch::async, [&] { reconcile(*plugin, "slow"); });
  ASSERT_TRUE(logged("its deadline is", 3));
  EXPECT_GE(plugin->info().strikes, 3u);
  EXPECT_EQ(plugin->info().overdue_now, 1u);
  EXPECT_FALSE(plugin->info().process) << "it was only to be reported";
  tell();
  call.get();
  ASSERT_TRUE(host_->reload(settings_).ok());
  EXPECT_EQ(plugin->info().strikes, 0u);
  EXPECT_GE(plugin->info().overdue, 3u);
}

TEST_F(WatchdogTest, WakesForNobodyInTime) {
  const auto plugin = load(600'000);
  ASSERT_NE(plugin, nullptr);
  reconcile(*plugin, "first");
  const auto call = plugin->enter();
  // The first call wakes it; until it sleeps again, others do so, too.
  const auto deadline = std::chrono::steady_clock::now() + seconds(20);
  while (fact_of_watchdog("State:") != "S" && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  const auto before = wakes_of_watchdog();
  ASSERT_GT(before, 0);
  for (int i = 0; i < 100'000; ++i) {
    Watchdog::Watch(host_->watchdog(), call.pinned(), 600'000, "ns", "name");
    if (i % 100 == 0) std::this_thread::yield();
  }
  EXPECT_LE(wakes_of_watchdog() - before, 3);
  EXPECT_EQ(plugin->info().overdue, 0u);
}

// A thread that can not take the signal is reported all the same.
TEST_F(WatchdogTest, AThreadThatDoesNotAnswerIsReported) {
  const auto plugin = load(20);
  ASSERT_NE(plugin, nullptr);
  auto call = std::async(std::launch::async, [&] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    reconcile(*plugin, "slow");
  });
  EXPECT_TRUE(logged("it does not answer"));
  tell();
  call.get();
}

TEST_F(WatchdogTest, ManyCallsOnManyThreads) {
  const auto plugin = load(1);
  ASSERT_NE(plugin, nullptr);
  tell();
  std::vector<std::future<void>> threads;
  for (int i = 0; i < 4; ++i) {
    threads.push_back(std::async(std::launch::async, [&] {
      for (int n = 0; n < 50; ++n) {
        const auto call = plugin->enter();
        const Watchdog::Watch watch(host_->watchdog(), call.pinned(), 1, "ns", "name");
        if (n % 10 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(8));
      }
    }));
  }
  for (auto& thread : threads) thread.get();
  EXPECT_EQ(plugin->info().overdue_now, 0u);
  EXPECT_TRUE(host_->watchdog().running_for(0).empty());
}

TEST_F(WatchdogTest, SaysWhatRuns) {
  const auto plugin = load(600'000);
  ASSERT_NE(plugin, nullptr);
  const auto call = plugin->enter();
  const Watchdog::Watch watch(host_->watchdog(), call.pinned(), 600'000, "ns", "name");
  const auto found = host_->watchdog().running_for(0);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], "plugin slow: reconcile of ns/name, for 0 s");
  EXPECT_TRUE(host_->watchdog().running_for(60'000).empty());
}

}  // namespace
}  // namespace gantry::plugin
