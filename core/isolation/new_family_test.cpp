// A family of plugins that neither core/plugin nor core/isolation has heard of: a header with verbs, a plugin, and a
// use of it, which works in the daemon, in a process, and under the watchdog. This program and its gantry-plugin-host
// are the daemon's own, compiled against a table of interfaces with one header more.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <future>

#include "core/isolation/isolated_library.hpp"
#include "core/isolation/testdata/abi/draft/echo.h"
#include "core/plugin/metrics_registry.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/plugin/plugin_verbs.hpp"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

class NewFamily : public testing::Test {
 protected:
  void SetUp() override {
    auto pattern = (fs::temp_directory_path() / "gantry-new-family-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    PluginHostOptions options;
    options.clock = &clock_;
    options.timers = &timers_;
    options.tasks = &pool_;
    options.log = [this](std::string_view who, int32_t, std::string_view text) {
      const std::lock_guard lock(mutex_);
      log_ += std::string(who) + "|" + std::string(text) + "\n";
      changed_.notify_all();
    };
    options.run_dir = dir_ / "run";
    options.data_dir = dir_ / "data";
    options.open_isolated = [this](const PluginSettings& settings, const fs::path& copy,
                                   std::function<void(const std::string&)> on_exit) {
      isolation::IsolationOptions process;
      process.name = settings.name;
      process.copy = copy;
      process.host = PLUGIN_HOST;
      process.call_deadline = call_deadline_;
      process.long_call_deadline = long_call_deadline_;
      process.on_exit = std::move(on_exit);
      return isolation::open_isolated(std::move(process));
    };
    host_ = std::make_unique<PluginHost>(std::move(options));
  }
  void TearDown() override {
    tell();
    host_.reset();
    fs::remove_all(dir_);
  }
  PluginVerbs<gantry_echo> load(bool process, WatchLimits watch = {}) {
    PluginSettings settings{"echo", fs::path(TEST_PLUGINS) / "isolation_echo.so", "", false, nullptr};
    settings.isolation.process = process;
    settings.watch = watch;
    auto loaded = host_->load(settings);
    EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message());
    return {loaded.ok() ? *loaded : nullptr, GANTRY_ECHO_ID};
  }
  void tell() const {
    fs::create_directories(dir_ / "data/plugins/echo");
    std::ofstream(dir_ / "data/plugins/echo/go") << "go";
  }
  bool logged(const std::string& text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(30), [&] { return log_.find(text) != std::string::npos; });
  }
  // What calls of `wait` told, in the order in which they did.
  void wait_later(const PluginVerbs<gantry_echo>& echo) {
    echo.call_long(&gantry_echo::wait, std::string(), [this](const Expected<std::string>& answer) {
      const std::lock_guard lock(mutex_);
      told_.push_back(answer.ok() ? "ended" : answer.error().message());
      changed_.notify_all();
    });
  }
  bool told(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, seconds(30), [&] { return told_.size() == count; });
  }
  static size_t threads() {
    return static_cast<size_t>(std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()));
  }
  pid_t pid_of(const PluginVerbs<gantry_echo>& echo) {
    const auto said = echo.call(&gantry_echo::say, "in");
    EXPECT_TRUE(said.ok()) << said.error().message();
    return said.ok() ? static_cast<pid_t>(std::stol(said->substr(3))) : 0;
  }

  fs::path dir_;
  std::chrono::milliseconds call_deadline_{30'000}, long_call_deadline_{3'600'000};
  SystemClock clock_;
  Timers timers_{clock_};
  WorkerPool pool_{"test", 2};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string log_;
  std::vector<std::string> told_;
  std::unique_ptr<PluginHost> host_;
};

class Everywhere : public NewFamily, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Isolation, Everywhere, testing::Bool(),
                         [](const auto& one) { return one.param ? "Process" : "Daemon"; });

TEST_P(Everywhere, ItsVerbsWork) {
  const auto echo = load(GetParam());
  EXPECT_EQ(pid_of(echo) == ::getpid(), !GetParam());
  EXPECT_EQ(*echo.call(&gantry_echo::introduce, ""), "echo");
  const auto failed = echo.call(&gantry_echo::say, "fail");
  EXPECT_EQ(failed.error().code(), 409);
  EXPECT_EQ(failed.error().message(), "told to fail");
  const std::string large(3'000'000, 'x');
  EXPECT_TRUE(echo.call(&gantry_echo::say, large)->starts_with(large));
  for (const auto verb : {&gantry_echo::sing, &gantry_echo::dance}) {
    EXPECT_EQ(echo.call(verb, "").error().code(), 501);
  }
  EXPECT_EQ(echo.call(&gantry_echo::sing, "").error().message(), "the plugin \"echo\" does not implement sing");

  // What no verb's signature has, the table's own does.
  const auto call = echo.plugin()->enter();
  const auto& table = *call.table<gantry_echo>(GANTRY_ECHO_ID);
  uint64_t sum = 1;
  Buffer error;
  EXPECT_EQ(table.add(call.instance(), 0, to_slice("four"), &sum, error.out()), 422);
  EXPECT_EQ(status_of(422, error.view()).message(), "nothing to add");
  EXPECT_EQ(sum, 1u) << "left alone";
  EXPECT_EQ(table.add(call.instance(), 40, to_slice("four"), &sum, error.out()), 0);
  EXPECT_EQ(sum, 44u);
  table.forget(call.instance(), 50);
  EXPECT_EQ(table.add(call.instance(), 1, {}, &sum, error.out()), 0);
  EXPECT_EQ(sum, 51u);
}

TEST_P(Everywhere, ItsCallsAreCountedByVerb) {
  const auto echo = load(GetParam());
  (void)echo.call(&gantry_echo::say, "one");
  (void)echo.call(&gantry_echo::say, "fail");
  const auto text = host_->metrics().text();
  const std::string labels = R"({call="say",interface="gantry.echo/1",plugin="echo"} )";
  EXPECT_NE(text.find("gantry_plugin_call_duration_seconds_count" + labels + "2"), std::string::npos) << text;
  EXPECT_NE(text.find("gantry_plugin_call_errors_total" + labels + "1"), std::string::npos) << text;
}

TEST_P(Everywhere, ItIsReloadedWhileALongVerbRuns) {
  const auto echo = load(GetParam());
  auto waiting = std::async(std::launch::async, [&] { return echo.call(&gantry_echo::wait, ""); });
  ASSERT_TRUE(logged("echo|lingers"));
  PluginSettings settings{"echo", fs::path(TEST_PLUGINS) / "isolation_echo.so", "", false, nullptr};
  settings.isolation.process = GetParam();
  EXPECT_TRUE(host_->reload(settings).ok());
  EXPECT_TRUE(echo.call(&gantry_echo::say, "new").ok()) << "while the old one still waits";
  tell();
  const auto ended = waiting.get();
  EXPECT_TRUE(ended.ok()) << ended.error().message();
}

TEST_P(Everywhere, ALongVerbTellsItsEnd) {
  constexpr size_t kMany = 100;  // more than may be under way at once
  const auto echo = load(GetParam());
  for (size_t i = 0; i < kMany; ++i) wait_later(echo);
  ASSERT_TRUE(logged("echo|lingers"));
  EXPECT_TRUE(echo.call(&gantry_echo::say, "meanwhile").ok());
  EXPECT_TRUE(told_.empty());
  tell();
  ASSERT_TRUE(told(kMany));
  EXPECT_EQ(told_, std::vector<std::string>(kMany, "ended"));
  const auto text = host_->metrics().text();
  const std::string labels = R"({call="wait",interface="gantry.echo/1",plugin="echo"} )";
  EXPECT_NE(text.find("gantry_plugin_call_duration_seconds_count" + labels + "100"), std::string::npos) << text;
}

TEST_P(Everywhere, WhatIsNoLongVerbIsNotCalledAsOne) {
  const auto echo = load(GetParam());
  Expected<std::string> answer = std::string();
  const auto then = [&](Expected<std::string> given) { answer = std::move(given); };
  echo.call_long(&gantry_echo::say, std::string("x"), then);
  EXPECT_EQ(answer.error().message(), "say is no long verb");
  echo.call_long(&gantry_echo::sing, std::string(), then);
  EXPECT_EQ(answer.error().code(), 501);
  ASSERT_TRUE(host_->disable("echo").ok());
  echo.call_long(&gantry_echo::wait, std::string(), then);
  EXPECT_EQ(answer.error().code(), 503);
}

TEST_P(Everywhere, ItIsReloadedWhileALongVerbIsToTell) {
  const auto echo = load(GetParam());
  wait_later(echo);
  ASSERT_TRUE(logged("echo|lingers"));
  PluginSettings settings{"echo", fs::path(TEST_PLUGINS) / "isolation_echo.so", "", false, nullptr};
  settings.isolation.process = GetParam();
  EXPECT_TRUE(host_->reload(settings).ok());
  EXPECT_TRUE(told_.empty());
  tell();
  ASSERT_TRUE(told(1));
  EXPECT_EQ(told_.front(), "ended");
}

TEST_F(NewFamily, NoThreadOfTheDaemonWaitsForALongVerbOfAProcess) {
  const auto echo = load(true);
  EXPECT_TRUE(echo.call(&gantry_echo::say, "a lane is there").ok());
  const auto before = threads();
  for (int i = 0; i < 50; ++i) wait_later(echo);
  ASSERT_TRUE(logged("echo|lingers"));
  EXPECT_EQ(threads(), before);
  tell();
  ASSERT_TRUE(told(50));
}

TEST_F(NewFamily, LongVerbsEndWithTheirProcess) {
  const auto echo = load(true);
  for (int i = 0; i < 70; ++i) wait_later(echo);
  ASSERT_TRUE(logged("echo|lingers"));
  ASSERT_EQ(::kill(pid_of(echo), SIGKILL), 0);
  ASSERT_TRUE(told(70));
  EXPECT_EQ(told_, std::vector<std::string>(70, "plugin echo: its process has ended: killed by SIGKILL"));
}

TEST_F(NewFamily, ALongVerbHasADeadlineToo) {
  call_deadline_ = long_call_deadline_ = std::chrono::milliseconds(300);
  const auto echo = load(true);
  wait_later(echo);
  ASSERT_TRUE(told(1));
  EXPECT_EQ(told_.front(), "plugin echo: its process has ended: did not answer wait within 300 ms and was killed");
}

// A daemon that stops kills the process within seconds, and the plugin's instance goes after its calls.
TEST_F(NewFamily, TheEndOfTheDaemonEndsLongVerbs) {
  const auto echo = load(true);
  wait_later(echo);
  ASSERT_TRUE(logged("echo|lingers"));
  host_->shutdown();
  ASSERT_EQ(told_.size(), 1u);
  EXPECT_EQ(told_.front(),
            "plugin echo: its process has ended: was at work 2 s after the daemon had begun to stop and was killed");
}

TEST_F(NewFamily, ItIsKilledInTheMiddleOfACallAndComesBack) {
  const auto echo = load(true);
  const pid_t before = pid_of(echo);
  auto call = std::async(std::launch::async, [&] { return echo.call(&gantry_echo::linger, ""); });
  ASSERT_TRUE(logged("echo|lingers"));
  ASSERT_EQ(::kill(before, SIGKILL), 0);
  const auto ended = call.get();
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code(), 503);
  EXPECT_EQ(ended.error().message(), "plugin echo: its process has ended: killed by SIGKILL");
  ASSERT_TRUE(logged("is started anew"));
  const auto deadline = std::chrono::steady_clock::now() + seconds(30);
  Expected<std::string> said = Status::unavailable("not asked");
  while (!said.ok() && std::chrono::steady_clock::now() < deadline) said = echo.call(&gantry_echo::say, "again");
  ASSERT_TRUE(said.ok()) << said.error().message();
  EXPECT_NE(*said, "again " + std::to_string(before));
}

TEST_F(NewFamily, ItEndsItsProcessAndNothingElse) {
  const auto echo = load(true);
  const auto ended = echo.call(&gantry_echo::die, "");
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().message(), "plugin echo: its process has ended: exited with status 9");
}

TEST_F(NewFamily, ItsProcessIsKilledWhenAVerbHangsButNotALongOne) {
  call_deadline_ = std::chrono::milliseconds(300);
  const auto echo = load(true);
  auto waiting = std::async(std::launch::async, [&] { return echo.call(&gantry_echo::wait, ""); });
  ASSERT_TRUE(logged("echo|lingers"));
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(900)), std::future_status::timeout) << "three deadlines later";
  const auto hung = echo.call(&gantry_echo::linger, "");
  ASSERT_FALSE(hung.ok());
  EXPECT_EQ(hung.error().message(),
            "plugin echo: its process has ended: did not answer linger within 300 ms and was killed");
  EXPECT_FALSE(waiting.get().ok());
}

// In the daemon: reported with its place, and after enough strikes moved to a process of its own.
TEST_F(NewFamily, TheWatchdogMovesItOutWhenAVerbHangs) {
  const auto echo = load(false, {.deadline_ms = 50, .strikes = 1, .isolate = true});
  auto hung = std::async(std::launch::async, [&] { return echo.call(&gantry_echo::linger, ""); });
  ASSERT_TRUE(logged("plugin echo: the linger has run for"));
  ASSERT_TRUE(logged("it moves to a process of its own"));
  const auto deadline = std::chrono::steady_clock::now() + seconds(30);
  while (pid_of(echo) == ::getpid() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_NE(pid_of(echo), ::getpid());
  EXPECT_EQ(hung.wait_for(seconds(0)), std::future_status::timeout) << "the old one still hangs";
  tell();
  EXPECT_TRUE(hung.get().ok());
  EXPECT_TRUE(logged("the linger has ended, after"));
}

TEST_F(NewFamily, TheWatchdogLetsALongVerbBe) {
  const auto echo = load(false, {.deadline_ms = 20, .strikes = 1, .isolate = true});
  auto waiting = std::async(std::launch::async, [&] { return echo.call(&gantry_echo::wait, ""); });
  ASSERT_TRUE(logged("echo|lingers"));
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  EXPECT_EQ(echo.plugin()->info().overdue, 0u);
  tell();
  EXPECT_TRUE(waiting.get().ok());
}

TEST_F(NewFamily, WithoutItThereIsASentence) {
  const auto echo = load(false);
  ASSERT_TRUE(host_->disable("echo").ok());
  const auto off = echo.call(&gantry_echo::say, "");
  EXPECT_EQ(off.error().code(), 503);
  EXPECT_EQ(off.error().message(), "the plugin \"echo\" is not running; see: gantryctl plugin list");
}

}  // namespace
}  // namespace gantry::plugin
