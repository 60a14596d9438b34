// Controllers as strangers write them: maps and timers that block, processes that end, a watch that is late.
#include <unistd.h>

#include <future>

#include "core/controller/host_fixture.hpp"
#include "core/plugin/bounds.hpp"

namespace gantry::controller {
namespace {

namespace fs = std::filesystem;
using corev1::ConfigMap;
using corev1::Secret;
using std::chrono::seconds;

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
    const auto ask = [&] { return ask_node("errand", name); };
    const auto uid = "made-" + std::to_string(api_.created().size() + 1);
    EXPECT_EQ(ask(), uid);
    EXPECT_TRUE(logged("errand: Normal Fetched found " + uid));
    EXPECT_EQ(ask_node("errand", "cached"), "the plugin says nowhere what it watches: gantry.watches/1 is for that");
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
