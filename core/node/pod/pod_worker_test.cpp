#include "core/node/pod/pod_worker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

namespace gantry::node {
namespace {

struct PodWorkersTest : ::testing::Test {
  plugin::SystemClock clock;
  plugin::Timers timers{clock};
  plugin::WorkerPool pool{"test", 4};
};

TEST_F(PodWorkersTest, NeverTwiceAtATimeAndNoWakeIsLost) {
  std::atomic<int> running = 0, worst = 0, seen = 0, woken = 0;
  std::promise<void> done;
  std::atomic<bool> told = false;
  PodWorkers workers(timers, clock, pool, [&](const std::string&) {
    worst = std::max(worst.load(), ++running);
    seen = woken.load();
    std::this_thread::yield();
    --running;
    if (seen == 500 && !told.exchange(true)) done.set_value();
    return PodWorkers::Outcome{};
  });
  workers.start();
  for (int i = 0; i < 500; ++i) {
    ++woken;
    workers.wake("p");
  }
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  workers.stop();
  EXPECT_EQ(worst, 1);
}

TEST_F(PodWorkersTest, WakesGatherUntilStartAndEndWithStop) {
  std::atomic<int> runs = 0;
  std::promise<void> ran;
  PodWorkers workers(timers, clock, pool, [&](const std::string&) {
    if (++runs == 1) ran.set_value();
    return PodWorkers::Outcome{};
  });
  workers.wake("p");
  workers.wake("p");
  EXPECT_EQ(runs, 0);
  workers.start();
  EXPECT_EQ(ran.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  workers.stop();
  workers.wake("p");
  EXPECT_EQ(runs, 1);
}

TEST_F(PodWorkersTest, WhatWaitsInThePoolAtTheStopFindsNobody) {
  plugin::WorkerPool one("one", 1);
  std::promise<void> hold, past;
  one.post([held = hold.get_future().share()] { held.wait(); });
  std::atomic<int> runs = 0;
  auto workers = std::make_unique<PodWorkers>(timers, clock, one, [&](const std::string&) {
    ++runs;
    return PodWorkers::Outcome{};
  });
  workers->start();
  workers->wake("p");
  workers.reset();
  one.post([&] { past.set_value(); });
  hold.set_value();
  EXPECT_EQ(past.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(runs, 0);
}

TEST_F(PodWorkersTest, AFailedSyncIsTriedAgain) {
  std::atomic<int> runs = 0;
  std::promise<void> again;
  PodWorkers workers(timers, clock, pool, [&](const std::string&) {
    if (++runs == 2) again.set_value();
    return PodWorkers::Outcome{runs == 1, 0};
  });
  workers.start();
  workers.wake("p");
  EXPECT_EQ(again.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST_F(PodWorkersTest, ASyncAsksForItsNextTime) {
  std::atomic<int> runs = 0;
  std::promise<void> again;
  PodWorkers workers(timers, clock, pool, [&](const std::string&) {
    if (++runs == 3) again.set_value();
    return PodWorkers::Outcome{false, runs < 3 ? 5 : 0};
  });
  workers.start();
  workers.wake("p");
  EXPECT_EQ(again.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace gantry::node
