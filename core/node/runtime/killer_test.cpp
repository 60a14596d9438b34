// Stops against a runtime in memory and a clock that is moved by hand.
#include "core/node/runtime/killer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "core/node/agent_testing.hpp"
#include "core/node/runtime/fake_runtime.hpp"
#include "core/plugin/simulated_time.hpp"
#include "gantry/bytes.hpp"

namespace gantry::node {
namespace {

using testing::make_pod;

class KillerTest : public ::testing::Test {
 protected:
  // So many running containers, each in a pod of its own.
  void start(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      cri::PodSandboxConfig sandbox;
      sandbox.mutable_metadata()->set_uid("uid-" + std::to_string(i));
      const auto id = client_.run_pod_sandbox(sandbox, {});
      ASSERT_TRUE(id.ok());
      cri::CreateContainerRequest request;
      request.set_pod_sandbox_id(*id);
      request.mutable_config()->mutable_metadata()->set_name("c");
      const auto container = client_.create_container(request);
      ASSERT_TRUE(container.ok());
      ASSERT_TRUE(client_.start_container(*container).ok());
      ids_.push_back(*container);
    }
  }
  void make() {
    Killer::Hooks hooks;
    hooks.done = [this](const std::string&) { ++done_; };
    hooks.hook_failed = [this](const KillOrder&, const Status&) { ++hooks_failed_; };
    hooks.log = [](const std::string&) {};
    killer_ = std::make_unique<Killer>(client_, runner_, timers_, std::move(hooks));
    client_.set_event_sink(
        [](void* self, gantry_slice, gantry_slice container) {
          static_cast<KillerTest*>(self)->killer_->exited(std::string(to_view(container)));
        },
        this);
  }
  void TearDown() override {
    client_.set_event_sink(nullptr, nullptr);
    runner_.stop();
    commands_.stop();
    killer_.reset();
  }
  bool kill(const std::string& id, int64_t grace) { return killer_->kill({"uid", id, "", pod_, "c", grace}); }

  void advance(int64_t seconds) {
    const int64_t until = clock_.monotonic_ns() + seconds * 1'000'000'000;
    for (auto due = timers_.next_due(); due && *due <= until; due = timers_.next_due()) {
      clock_.set_monotonic(*due);
      timers_.fire_next();
    }
    clock_.set_monotonic(until);
  }
  static bool until(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!so()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
    return true;
  }
  size_t asked(const std::string& what) {
    const auto stops = runtime_.stops();
    return static_cast<size_t>(
        std::count_if(stops.begin(), stops.end(), [&](const auto& stop) { return stop.starts_with(what); }));
  }
  corev1::LifecycleHandler& pre_stop() {
    pod_ = std::make_shared<corev1::Pod>(make_pod("p"));
    return *pod_->mutable_spec()->mutable_containers(0)->mutable_lifecycle()->mutable_pre_stop();
  }

  plugin::SimulatedClock clock_{1'700'000'000'000'000'000};
  plugin::Timers timers_{clock_, plugin::Timers::Driven::kByHand};
  testing::FakeRuntime runtime_;
  const RuntimeClient client_ = runtime_.client();
  CommandRunner commands_{client_, timers_};
  HookRunner runner_{commands_, timers_};
  std::shared_ptr<corev1::Pod> pod_ = std::make_shared<corev1::Pod>(make_pod("p"));
  std::vector<std::string> ids_;
  std::atomic<int> done_{0}, hooks_failed_{0};
  std::unique_ptr<Killer> killer_;
};

TEST_F(KillerTest, AllAreSignalledBeforeOneIsKilled) {
  constexpr size_t kMany = 150;
  runtime_.ignores_stop = true;
  start(kMany);
  make();
  for (const auto& id : ids_) EXPECT_TRUE(kill(id, 30));
  ASSERT_TRUE(until([&] { return asked("signal") == kMany && timers_.waiting() == kMany; }));
  advance(29);
  EXPECT_EQ(asked("stop"), 0u);
  advance(1);
  ASSERT_TRUE(until([&] { return done_ == static_cast<int>(kMany); }));
  const auto stops = runtime_.stops();
  ASSERT_EQ(stops.size(), 2 * kMany);
  for (size_t i = 0; i < stops.size(); ++i) {
    EXPECT_EQ(stops[i].starts_with("signal "), i < kMany) << i;
    EXPECT_EQ(stops[i].ends_with(" 0"), i >= kMany) << stops[i];
  }
  for (const auto& id : ids_) EXPECT_FALSE(killer_->killing(id));
}

TEST_F(KillerTest, OneThatEndsInItsGraceIsNotKilled) {
  start(1);
  make();
  EXPECT_TRUE(kill(ids_[0], 30));
  ASSERT_TRUE(until([&] { return !killer_->killing(ids_[0]); }));
  advance(60);
  EXPECT_EQ(runtime_.stops(), std::vector<std::string>{"signal " + ids_[0]});
}

TEST_F(KillerTest, LessGraceBringsTheEndForwardAndMoreDoesNotPutItOff) {
  runtime_.ignores_stop = true;
  start(1);
  make();
  EXPECT_TRUE(kill(ids_[0], 30));
  ASSERT_TRUE(until([&] { return timers_.waiting() == 1; }));
  EXPECT_FALSE(kill(ids_[0], 60));
  EXPECT_FALSE(kill(ids_[0], 5));
  advance(4);
  EXPECT_EQ(asked("stop"), 0u);
  advance(1);
  ASSERT_TRUE(until([&] { return done_ == 1; }));
  EXPECT_EQ(asked("signal"), 1u);
  EXPECT_EQ(asked("stop"), 1u);
}

TEST_F(KillerTest, ARuntimeThatCannotSignalStopsAsItDid) {
  runtime_.forget_signals();
  start(3);
  make();
  for (const auto& id : ids_) EXPECT_TRUE(kill(id, 30));
  ASSERT_TRUE(until([&] { return done_ == 3; }));
  EXPECT_EQ(asked("signal"), 0u);
  for (const auto& id : ids_) EXPECT_EQ(asked("stop " + id + " 30"), 1u);
  EXPECT_EQ(runtime_.calls("signal_container"), 0);
}

TEST_F(KillerTest, ASignalThatFailsIsSentAgain) {
  runtime_.ignores_stop = true;
  start(1);
  make();
  runtime_.fail_next("signal_container", 2);
  EXPECT_TRUE(kill(ids_[0], 30));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(until([&] { return runtime_.calls("signal_container") == i + 1 && timers_.waiting() == 1; }));
    advance(1);
  }
  ASSERT_TRUE(until([&] { return asked("signal") == 1 && timers_.waiting() == 1; }));
  EXPECT_EQ(asked("stop"), 0u);
  advance(28);
  ASSERT_TRUE(until([&] { return done_ == 1; }));
}

TEST_F(KillerTest, HooksThatSleepHoldNoThreadAndTakeOfTheGrace) {
  constexpr size_t kMany = 150;
  runtime_.ignores_stop = true;
  start(kMany);
  make();
  pre_stop().mutable_sleep()->set_seconds(10);
  for (const auto& id : ids_) EXPECT_TRUE(kill(id, 30));
  ASSERT_TRUE(until([&] { return timers_.waiting() == kMany; }));
  advance(9);
  EXPECT_EQ(asked("signal"), 0u);
  advance(1);
  ASSERT_TRUE(until([&] { return asked("signal") == kMany && timers_.waiting() == kMany; }));
  advance(19);
  EXPECT_EQ(asked("stop"), 0u);
  advance(1);
  ASSERT_TRUE(until([&] { return done_ == static_cast<int>(kMany); }));
  EXPECT_EQ(hooks_failed_, 0);
}

TEST_F(KillerTest, HooksThatRunCommandsHoldNoThread) {
  constexpr size_t kMany = 150;
  runtime_.ignores_stop = runtime_.holds_execs = true;
  start(kMany);
  make();
  pre_stop().mutable_exec()->add_command("save");
  for (const auto& id : ids_) EXPECT_TRUE(kill(id, 30));
  ASSERT_TRUE(until([&] { return runtime_.execs() == kMany; }));
  EXPECT_EQ(asked("signal"), 0u);
  runtime_.end_execs(0);
  ASSERT_TRUE(until([&] { return asked("signal") == kMany; }));
  EXPECT_EQ(hooks_failed_, 0);
}

TEST_F(KillerTest, AHookThatTakesAllOfTheGraceIsEndedAndTold) {
  runtime_.ignores_stop = runtime_.holds_execs = true;
  start(1);
  make();
  pre_stop().mutable_exec()->add_command("hang");
  EXPECT_TRUE(kill(ids_[0], 30));
  ASSERT_TRUE(until([&] { return runtime_.execs() == 1; }));
  advance(30);
  ASSERT_TRUE(until([&] { return asked("signal") == 1 && runtime_.execs() == 0 && timers_.waiting() == 1; }));
  EXPECT_EQ(hooks_failed_, 1);
  // Two seconds are left to it nevertheless.
  advance(1);
  EXPECT_EQ(asked("stop"), 0u);
  advance(1);
  ASSERT_TRUE(until([&] { return done_ == 1; }));
}

TEST_F(KillerTest, AHookThatFailsIsToldAndTheStopGoesOn) {
  start(1);
  make();
  pre_stop().mutable_exec()->add_command("fail");
  EXPECT_TRUE(kill(ids_[0], 30));
  ASSERT_TRUE(until([&] { return hooks_failed_ == 1 && asked("signal") == 1; }));
}

TEST_F(KillerTest, LessGraceEndsAHookThatRuns) {
  runtime_.ignores_stop = true;
  start(1);
  make();
  pre_stop().mutable_sleep()->set_seconds(25);
  EXPECT_TRUE(kill(ids_[0], 30));
  ASSERT_TRUE(until([&] { return timers_.waiting() == 1; }));
  EXPECT_FALSE(kill(ids_[0], 3));
  advance(3);
  ASSERT_TRUE(until([&] { return asked("signal") == 1; }));
}

TEST_F(KillerTest, AContainerThatIsGoneDuringItsHookIsLeft) {
  runtime_.holds_execs = true;
  start(1);
  make();
  pre_stop().mutable_exec()->add_command("save");
  EXPECT_TRUE(kill(ids_[0], 30));
  ASSERT_TRUE(until([&] { return runtime_.execs() == 1; }));
  runtime_.end(ids_[0], 0);
  EXPECT_FALSE(killer_->killing(ids_[0]));
  ASSERT_TRUE(until([&] { return runtime_.execs() == 0; }));
  EXPECT_TRUE(runtime_.stops().empty());
  EXPECT_EQ(hooks_failed_, 0);
}

TEST_F(KillerTest, StopsWithEverythingUnderWay) {
  runtime_.ignores_stop = runtime_.holds_execs = true;
  start(30);
  make();
  pre_stop().mutable_exec()->add_command("hang");
  for (size_t i = 0; i < 10; ++i) kill(ids_[i], 30);
  pre_stop().mutable_sleep()->set_seconds(20);
  for (size_t i = 10; i < 20; ++i) kill(ids_[i], 30);
  pod_ = nullptr;
  for (size_t i = 20; i < 30; ++i) kill(ids_[i], 30);
}

}  // namespace
}  // namespace gantry::node
