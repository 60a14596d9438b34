// Host::after and Host::every, on the testkit's clock.
#include "gantry/timer.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>

#include "scripted_host.hpp"

namespace gantry::sdk {
namespace {

struct TimerTest : testing::Test {
  testkit::ScriptedHost scripted;
  Host host{&scripted.host};
  int ran = 0;
};

TEST_F(TimerTest, RunsOnce) {
  const auto timer = host.after(100, [&] { ++ran; });
  EXPECT_TRUE(timer);
  scripted.timers.advance(99);
  EXPECT_EQ(ran, 0);
  scripted.timers.advance(1);
  scripted.timers.advance(1000);
  EXPECT_EQ(ran, 1);
}

TEST_F(TimerTest, ComesBackUntilItsOwnerGoes) {
  {
    const auto timer = host.every(100, [&] { ++ran; });
    scripted.timers.advance(350);
    EXPECT_EQ(ran, 3);
  }
  scripted.timers.advance(1000);
  EXPECT_EQ(ran, 3);
  EXPECT_EQ(scripted.timers.waiting(), 0U);
}

TEST_F(TimerTest, MayEndItselfFromWithin) {
  std::optional<Timer> timer;
  timer = host.every(10, [&] {
    if (++ran == 2) timer.reset();
  });
  scripted.timers.advance(100);
  EXPECT_EQ(ran, 2);
  EXPECT_EQ(scripted.timers.waiting(), 0U);
}

TEST_F(TimerTest, AnotherInItsPlaceEndsTheFirst) {
  auto timer = host.every(10, [&] { ++ran; });
  timer = host.every(10, [&] { ran += 100; });
  scripted.timers.advance(10);
  EXPECT_EQ(ran, 100);
  Timer moved = std::move(timer);
  scripted.timers.advance(10);
  EXPECT_EQ(ran, 200);
  moved.stop();
  EXPECT_FALSE(moved);
  scripted.timers.advance(10);
  EXPECT_EQ(ran, 200);
}

TEST_F(TimerTest, WhatItThrowsEndsThatRunAlone) {
  const auto timer = host.every(10, [&] {
    ++ran;
    throw std::runtime_error("no");
  });
  scripted.timers.advance(20);
  EXPECT_EQ(ran, 2);
}

TEST_F(TimerTest, NoTimersOrNoIntervalIsNone) {
  EXPECT_FALSE(host.every(0, [] {}));
  EXPECT_FALSE(host.every(10, nullptr));
  gantry_host bare = scripted.host;
  bare.get_interface = [](const gantry_host*, const char*) -> const void* { return nullptr; };
  EXPECT_FALSE(Host(&bare).every(10, [] {}));
}

}  // namespace
}  // namespace gantry::sdk
