// Controllers as strangers write them: maps and timers that block, processes that end, a watch that is late.
#include "core/controller/controller_host.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <future>

#include "core/controller/played_api.hpp"
#include "core/isolation/isolated_library.hpp"
#include "core/limits/notices.hpp"
#include "core/plugin/bounds.hpp"
#include "gantry/abi/network.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::controller {
namespace {

namespace fs = std::filesystem;
using corev1::ConfigMap;
using corev1::Secret;
using std::chrono::seconds;

class ControllerHostTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("gantry-controller-test-" + std::to_string(::getpid()));
    fs::create_directories(folder());
    plugin::PluginHostOptions options;
    options.clock = &clock_;
    options.timers = &timers_;
    options.tasks = &tasks_;
    options.log = [this](std::string_view who, int32_t, std::string_view text) { note(who, text); };
    options.run_dir = dir_ / "run";
    options.data_dir = dir_;
    options.try_images = false;
    notices_ = std::make_unique<limits::Notices>(
        limits::Notices::Hooks{[this](std::string_view who, int32_t, std::string_view text) { note(who, text); },
                               nullptr, [this] { return clock_.monotonic_ns(); }});
    options.notices = notices_.get();
    options.open_isolated =
        [this](const plugin::PluginSettings& settings, const fs::path& copy,
               std::function<void(const std::string&)> on_exit) -> Expected<std::unique_ptr<plugin::LoadedLibrary>> {
      if (!may_start_) return Status::unavailable("no process today");
      isolation::IsolationOptions process;
      process.name = settings.name;
      process.copy = copy;
      process.host = PLUGIN_HOST;
      process.on_exit = std::move(on_exit);
      return isolation::open_isolated(std::move(process));
    };
    plugins_ = std::make_unique<plugin::PluginHost>(std::move(options));
    watcher_ = api_.client();
    ControllerHostOptions run;
    run.plugins = plugins_.get();
    run.timers = &timers_;
    run.make_client = [this](const std::string& who) {
      note("client", who);
      return api_.client();
    };
    run.record_event = [this](const std::string& who, std::string_view, std::string_view type, std::string_view reason,
                              std::string_view text) {
      note(who, std::string(type) + " " + std::string(reason) + " " + std::string(text));
    };
    run.client = watcher_.get();
    run.log = [this](int32_t, std::string_view text) { note("controllers", text); };
    controllers_ = std::make_unique<ControllerHost>(std::move(run));
  }
  void TearDown() override {
    go();
    plugins_->begin_stop();
    api_.answer_reads();
    controllers_.reset();
    plugins_.reset();
    fs::remove_all(dir_);
  }
  enum class In : uint8_t { kDaemon, kProcess };
  void start(In in, bool with_other = false) {
    load("scripted", "scripted.so", in);
    if (with_other) load("good", "test_plugin_good.so", In::kDaemon);
    controllers_->start();
  }
  void load(const std::string& name, const std::string& file, In in) {
    plugin::PluginSettings settings{name, fs::path(TEST_PLUGINS) / file, "", false, nullptr};
    settings.isolation.process = in == In::kProcess;
    settings.watch.deadline_ms = deadline_ms_;
    const auto loaded = plugins_->reload(settings);
    ASSERT_TRUE(loaded.ok()) << loaded.message();
  }
  fs::path folder() const { return dir_ / "plugins" / "scripted"; }
  void go() { std::ofstream(folder() / "go") << "go"; }

  void note(std::string_view who, std::string_view text) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::string(who) + ": " + std::string(text));
    noted_.notify_all();
  }
  size_t count_locked(const std::string& text) const {
    return static_cast<size_t>(std::count_if(
        lines_.begin(), lines_.end(), [&](const std::string& line) { return line.find(text) != std::string::npos; }));
  }
  bool logged(const std::string& text, size_t times = 1) {
    std::unique_lock lock(mutex_);
    return noted_.wait_for(lock, seconds(90), [&] { return count_locked(text) >= times; });
  }
  size_t count(const std::string& text) {
    const std::lock_guard lock(mutex_);
    return count_locked(text);
  }

  fs::path dir_;
  plugin::SystemClock clock_;
  plugin::Timers timers_{clock_};
  plugin::WorkerPool tasks_{"test", 2};
  std::mutex mutex_;
  std::condition_variable noted_;
  std::vector<std::string> lines_;
  std::atomic<bool> may_start_ = true;
  int64_t deadline_ms_ = 10'000;
  std::unique_ptr<limits::Notices> notices_;
  PlayedApi api_;
  std::unique_ptr<client::Client> watcher_;
  std::unique_ptr<plugin::PluginHost> plugins_;
  std::unique_ptr<ControllerHost> controllers_;
};

// The watch of config maps is held back after the write, while secrets go on queueing the key.
TEST_F(ControllerHostTest, AKeyWaitsForWhatItWrote) {
  ASSERT_NO_FATAL_FAILURE(start(In::kDaemon));
  const auto before = timers_.waiting();
  api_.add<Secret>("parent");
  for (int i = 0; i < 5'000 && api_.created().empty(); ++i) ::usleep(2'000);
  ASSERT_EQ(api_.created().size(), 1u);
  // Its next run either waits, which a timer shows, or makes a second child.
  api_.send(client::WatchEvent::Type::kModified, PlayedApi::named<Secret>("parent"));
  for (int i = 0; i < 5'000 && timers_.waiting() == before && api_.created().size() == 1; ++i) ::usleep(2'000);
  EXPECT_EQ(api_.created().size(), 1u) << "it did not wait for its own write";
  EXPECT_EQ(count("sees its child"), 0u);
  api_.send(client::WatchEvent::Type::kAdded, api_.created().front());
  EXPECT_TRUE(logged("sees its child"));
  EXPECT_EQ(api_.created().size(), 1u);
}

TEST_F(ControllerHostTest, WhatHappensWhileAProcessIsDownIsDoneAfterwards) {
  ASSERT_NO_FATAL_FAILURE(start(In::kProcess));
  api_.add<ConfigMap>("first");
  ASSERT_TRUE(logged("did first"));
  may_start_ = false;
  api_.add<ConfigMap>("kill");
  ASSERT_TRUE(logged("no process today"));
  api_.add<Secret>("mapped");
  for (int i = 0; i < 20; ++i) api_.add<ConfigMap>("own-" + std::to_string(i));
  ASSERT_TRUE(logged("no process today", 3));
  const auto failed = count("its process has ended");
  may_start_ = true;
  EXPECT_TRUE(logged("did mapped")) << "an event of a custom watch was lost";
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(logged("did own-" + std::to_string(i)));
  EXPECT_TRUE(logged("did kill"));
  // Only keys that were worked on when the process ended have failed: the one that ended it, and the first, if what
  // came after its line took so long.
  EXPECT_LE(failed, 2u);
  EXPECT_EQ(count("controllers: controller scripted: ns/own-"), 0u);
}

// More than is kept for a process that is down: then it is as after a restart.
TEST_F(ControllerHostTest, AboveTheBoundOfEventsAllObjectsAreMappedAnew) {
  ASSERT_NO_FATAL_FAILURE(start(In::kProcess));
  api_.add<ConfigMap>("first");
  ASSERT_TRUE(logged("did first"));
  may_start_ = false;
  api_.add<ConfigMap>("kill");
  ASSERT_TRUE(logged("no process today"));
  constexpr size_t kLarge = 1 << 20, kMany = plugin::bounds::kEventBytes / kLarge + 1;
  for (size_t i = 0; i < kMany; ++i) {
    auto secret = PlayedApi::named<Secret>("large-" + std::to_string(i));
    (*secret.mutable_data())["text"] = std::string(kLarge, 'x');
    api_.send(client::WatchEvent::Type::kAdded, std::move(secret));
  }
  may_start_ = true;
  for (size_t i = 0; i < kMany; ++i) EXPECT_TRUE(logged("did large-" + std::to_string(i)));
  EXPECT_TRUE(logged("did first", 2)) << "what owned a lost object is looked at again";
}

// Its event ends each process that maps it; it gets three, then the others go on.
TEST_F(ControllerHostTest, AnEventThatEndsTheProcessAgainAndAgainIsLeftOut) {
  ASSERT_NO_FATAL_FAILURE(start(In::kProcess));
  api_.add<Secret>("deadly");
  api_.add<Secret>("next");
  EXPECT_TRUE(logged("an event of secrets ns/deadly is left out: its map ended the plugin's process 3 times"));
  EXPECT_TRUE(logged("did next"));
  EXPECT_EQ(count("mapping deadly"), 3u);
}

TEST_F(ControllerHostTest, AMapThatBlocksHoldsUpNobodyElse) {
  for (const auto in : {In::kDaemon, In::kProcess}) {
    SCOPED_TRACE(in == In::kProcess ? "in a process" : "in the daemon");
    if (in == In::kProcess) {
      TearDown();
      SetUp();
    }
    ASSERT_NO_FATAL_FAILURE(start(in, true));
    // One thread tells everybody's caches.
    auto told = std::async(std::launch::async, [this] {
      api_.add<Secret>("block");
      api_.add<ConfigMap>("other");
    });
    ASSERT_TRUE(logged("lingers"));
    EXPECT_TRUE(logged("good: reconcile other"));
    EXPECT_TRUE(logged("did other")) << "nor its own plugin's other keys";
    EXPECT_EQ(told.wait_for(seconds(30)), std::future_status::ready) << "who tells the caches waits";
    EXPECT_EQ(count("did block"), 0u);
    go();
    EXPECT_TRUE(logged("did block"));
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }
}

TEST_F(ControllerHostTest, ATimerThatBlocksHoldsUpNobodyElse) {
  deadline_ms_ = 50;
  ASSERT_NO_FATAL_FAILURE(start(In::kDaemon));
  api_.add<ConfigMap>("block-timer");
  ASSERT_TRUE(logged("lingers"));
  std::promise<void> fired;
  timers_.start(0, [&] { fired.set_value(); });
  EXPECT_EQ(fired.get_future().wait_for(seconds(30)), std::future_status::ready);
  EXPECT_TRUE(logged("plugin scripted: the callback of a timer has run for"));
  go();
}

// A map that hangs in an instance of old is left there, and its event is mapped by the new one.
TEST_F(ControllerHostTest, AReloadGetsAwayFromAMapThatHangs) {
  deadline_ms_ = 50;
  ASSERT_NO_FATAL_FAILURE(start(In::kDaemon));
  api_.add<Secret>("block");
  ASSERT_TRUE(logged("lingers"));
  EXPECT_TRUE(logged("plugin scripted: the map of ns/block has run for"));
  plugin::PluginSettings settings{"scripted", fs::path(TEST_PLUGINS) / "scripted.so", "", false, nullptr};
  auto reloaded = std::async(std::launch::async, [&] { return plugins_->reload(settings); });
  EXPECT_TRUE(logged("lingers", 2));
  go();
  EXPECT_TRUE(reloaded.get().ok());
  EXPECT_TRUE(logged("did block"));
}

// What a plugin has the host keep is bounded, whatever it does; what is over is refused and told, once.
TEST_F(ControllerHostTest, FloodsAreBounded) {
  namespace bounds = plugin::bounds;
  for (const auto in : {In::kDaemon, In::kProcess}) {
    SCOPED_TRACE(in == In::kProcess ? "in a process" : "in the daemon");
    if (in == In::kProcess) {
      TearDown();
      SetUp();
    }
    ASSERT_NO_FATAL_FAILURE(start(in));
    const auto timers = in == In::kDaemon ? bounds::kTimers : bounds::kTimersInProcess;
    api_.add<ConfigMap>("flood-timers");
    ASSERT_TRUE(logged("did flood-timers"));
    EXPECT_EQ(count("scripted: " + std::to_string(timers) + " timers"), 1u);
    const auto before = timers_.waiting();
    api_.add<ConfigMap>("flood-keys");
    ASSERT_TRUE(logged("did flood-keys"));
    EXPECT_EQ(timers_.waiting() - before, bounds::kKeys);
    EXPECT_EQ(count("scripted: a key was dropped"), 1u);
    api_.add<ConfigMap>("large-event");
    ASSERT_TRUE(logged("did large-event"));
    EXPECT_EQ(count("scripted: an Event was dropped"), 1u);
    api_.add<ConfigMap>("flood-log");
    ASSERT_TRUE(logged("scripted: lines of its log are dropped"));
    EXPECT_LT(count("scripted: xxxx"), 600u);
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }
}

TEST_F(ControllerHostTest, CallsThatNobodyAnswersAreBounded) {
  ASSERT_NO_FATAL_FAILURE(start(In::kDaemon));
  api_.add<ConfigMap>("flood-calls");
  const auto taken = plugin::bounds::kCallBytes / ((1 << 20) + 4'096);
  EXPECT_TRUE(logged("scripted: " + std::to_string(100 - taken) + " calls were refused"));
  api_.answer_reads();
  go();
  EXPECT_TRUE(logged("did flood-calls"));
}

// A plugin without a controller has the API as itself, and Events in its name.
TEST_F(ControllerHostTest, EveryPluginHasTheApiAsItself) {
  for (const auto in : {In::kDaemon, In::kProcess}) {
    SCOPED_TRACE(in == In::kProcess ? "in a process" : "in the daemon");
    const auto name = std::string(in == In::kProcess ? "errand-apart" : "errand");
    ASSERT_NO_FATAL_FAILURE(load("errand", "errand.so", in));
    const auto ask = [&] {
      abi::NetworkNode node;
      node.set_name(name);
      const auto call = plugins_->find("errand")->enter();
      Buffer answer, error;
      const auto code = call.table<gantry_network>(GANTRY_NETWORK_ID)
                            ->set_node(call.instance(), to_slice(node.SerializeAsString()), answer.out(), error.out());
      abi::NetworkResult result;
      EXPECT_TRUE(result.ParseFromString(std::string(answer.view())));
      return code == 0 ? result.mac() : status_of(code, error.view()).message();
    };
    const auto uid = "made-" + std::to_string(api_.created().size() + 1);
    EXPECT_EQ(ask(), uid);
    EXPECT_TRUE(logged("errand: Normal Fetched found " + uid));
    // The daemon stops: the plugin may still be asked, the API no longer.
    if (in == In::kProcess) {
      EXPECT_EQ(count("client: errand"), 1u) << "one client for all its instances";
      controllers_->stop();
      EXPECT_EQ(ask(), "the daemon serves plugins no longer");
      EXPECT_EQ(count("Fetched"), 2u);
    } else {
      ASSERT_TRUE(plugins_->disable("errand").ok());
    }
  }
}

TEST_F(ControllerHostTest, AStopDoesNotWaitForAProcessNorStartItAnew) {
  ASSERT_NO_FATAL_FAILURE(start(In::kProcess));
  api_.add<ConfigMap>("block");
  ASSERT_TRUE(logged("lingers"));
  plugins_->begin_stop();
  controllers_->stop();
  EXPECT_TRUE(logged("was at work 2 s after the daemon had begun to stop and was killed"));
  EXPECT_EQ(plugins_->find_any("scripted")->info().restarts, 0u);
  EXPECT_EQ(count("is started anew"), 0u);
}

}  // namespace
}  // namespace gantry::controller
