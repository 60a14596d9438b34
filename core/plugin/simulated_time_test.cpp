#include "core/plugin/simulated_time.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/plugin/worker_pool.hpp"

namespace gantry::plugin {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kStart = 1'893'456'000 * kSecond;  // 2030-01-01

class SimulatedTimeTest : public ::testing::Test {
 protected:
  int64_t seconds() { return (time_.clock().now_unix_ns() - kStart) / kSecond; }
  SimulatedTime time_{{.start_unix_ns = kStart, .patience = std::chrono::milliseconds(200), .log = nullptr}};
};

TEST_F(SimulatedTimeTest, StandsStillUntilItIsMoved) {
  bool fired = false;
  time_.timers().start(0, [&] { fired = true; });
  EXPECT_EQ(time_.clock().now_unix_ns(), kStart);
  EXPECT_FALSE(fired);
  ASSERT_TRUE(time_.advance_to(kStart).ok());
  EXPECT_TRUE(fired);
  EXPECT_EQ(time_.clock().now_unix_ns(), kStart);
}

TEST_F(SimulatedTimeTest, EveryTimerFiresAtItsOwnTime) {
  std::vector<int64_t> fired;
  // Each starts the next one: a day of heartbeats.
  std::function<void()> beat = [&] {
    fired.push_back(seconds());
    time_.timers().start(10'000, beat);
  };
  time_.timers().start(10'000, beat);
  const auto state = time_.advance_to(kStart + 86'400 * kSecond);
  ASSERT_TRUE(state.ok());
  ASSERT_EQ(fired.size(), 8'640U);
  EXPECT_EQ(fired.front(), 10);
  EXPECT_EQ(fired.back(), 86'400);
  EXPECT_EQ(seconds(), 86'400);
  EXPECT_EQ(state->fired, 8'640U);
  EXPECT_EQ(state->next_unix_ns, kStart + 86'410 * kSecond);
}

TEST_F(SimulatedTimeTest, TheClockWaitsForTheWorkThatATimerMade) {
  WorkerPool pool("test", 2);
  std::vector<int64_t> done;
  time_.timers().start(1'000, [&] {
    for (int i = 0; i < 20; ++i) {
      pool.post([&] {
        done.push_back(seconds());
        pool.post([&] { done.push_back(seconds()); });
      });
    }
  });
  time_.timers().start(2'000, [&] { done.push_back(seconds()); });
  ASSERT_TRUE(time_.advance_to(kStart + 3 * kSecond).ok());
  ASSERT_EQ(done.size(), 41U);
  for (size_t i = 0; i < 40; ++i) EXPECT_EQ(done[i], 1);
  EXPECT_EQ(done.back(), 2);
}

TEST_F(SimulatedTimeTest, WorkOfThreadsRunsInTheOrderOfItsMaking) {
  WorkerPool pool("test", 4);
  std::string order;
  time_.timers().start(0, [&] {
    for (char c = 'a'; c <= 'z'; ++c) pool.post([&order, c] { order += c; });
  });
  ASSERT_TRUE(time_.advance_to(kStart).ok());
  EXPECT_EQ(order, "abcdefghijklmnopqrstuvwxyz");
}

TEST_F(SimulatedTimeTest, WhatHoldsTimeUpIsNamed) {
  const auto stuck = time_.turns().take("the stuck one");
  const auto moved = time_.advance_to(kStart + kSecond);
  ASSERT_FALSE(moved.ok());
  EXPECT_EQ(moved.error().message(), "time stands still: the stuck one does not end its turn");
  time_.turns().drop(stuck);
  EXPECT_TRUE(time_.advance_to(kStart + kSecond).ok());
}

TEST_F(SimulatedTimeTest, ABudgetOfRealTimeEndsARunEarlyAndTheNextGoesOn) {
  int fired = 0;
  std::function<void()> beat = [&] {
    ++fired;
    time_.timers().start(1'000, beat);
  };
  time_.timers().start(1'000, beat);
  int calls = 0;
  for (int64_t now = 0; now < kStart + 100'000 * kSecond; ++calls) {
    const auto state = time_.advance_to(kStart + 100'000 * kSecond, std::chrono::milliseconds(1));
    ASSERT_TRUE(state.ok());
    now = state->now_unix_ns;
  }
  EXPECT_EQ(fired, 100'000);
  EXPECT_GT(calls, 1);
}

TEST_F(SimulatedTimeTest, EqualRunsHaveEqualDigests) {
  const auto run = [](int64_t second_delay) {
    SimulatedTime time({.start_unix_ns = kStart, .log = nullptr});
    int64_t mark = 0;
    time.set_mark([&] { return mark; });
    time.timers().start(5'000, [&] { ++mark; });
    time.timers().start(second_delay, [&] { mark += 2; });
    return time.advance_to(kStart + 60 * kSecond)->digest;
  };
  EXPECT_EQ(run(7'000), run(7'000));
  EXPECT_NE(run(7'000), run(3'000));
}

}  // namespace
}  // namespace gantry::plugin
