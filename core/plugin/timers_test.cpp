#include "core/plugin/timers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "core/plugin/instance_timers.hpp"
#include "core/plugin/log_budget.hpp"
#include "core/plugin/worker_pool.hpp"

namespace gantry::plugin {
namespace {

TEST(Timers, FiresInOrderOfTime) {
  SystemClock clock;
  Timers timers(clock);
  std::promise<std::string> done;
  std::string order;
  timers.start(40, [&] { done.set_value(order + "c"); });
  timers.start(20, [&] { order += "b"; });
  timers.start(0, [&] { order += "a"; });
  auto result = done.get_future();
  ASSERT_EQ(result.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(result.get(), "abc");
}

TEST(Timers, CancelWaitsForARunningTimer) {
  SystemClock clock;
  Timers timers(clock);
  std::promise<void> started, release;
  std::atomic<bool> finished = false;
  const auto id = timers.start(0, [&] {
    started.set_value();
    release.get_future().wait();
    finished = true;
  });
  started.get_future().wait();
  auto cancelled = std::async(std::launch::async, [&] {
    timers.cancel(id);
    return finished.load();
  });
  release.set_value();
  EXPECT_TRUE(cancelled.get());
}

TEST(Timers, CancelOfNoTimerReturnsAtOnce) {
  SystemClock clock;
  Timers timers(clock);
  timers.cancel(0);
  timers.cancel(17);
}

TEST(Timers, CancelledTimersDoNotFire) {
  SystemClock clock;
  Timers timers(clock);
  std::atomic<int> fired = 0;
  const auto id = timers.start(3'600'000, [&] { ++fired; });
  timers.cancel(id);
  timers.cancel(id);
  timers.cancel(12345);
  timers.stop();
  EXPECT_EQ(fired, 0);
}

struct InstanceTimersTest : testing::Test {
  SystemClock clock;
  Timers timers{clock};
  WorkerPool pool{"test", 1};
  std::shared_ptr<InstanceTimers> mine = std::make_shared<InstanceTimers>(
      timers, 3, [this](std::function<void()> work) { return pool.post(std::move(work)); });
};

TEST_F(InstanceTimersTest, AreBounded) {
  const auto first = mine->start(3'600'000, [] {});
  EXPECT_NE(mine->start(3'600'000, [] {}), 0u);
  EXPECT_NE(mine->start(3'600'000, [] {}), 0u);
  EXPECT_EQ(mine->start(3'600'000, [] {}), 0u);
  EXPECT_EQ(timers.waiting(), 3u);
  mine->cancel(first);
  EXPECT_EQ(timers.waiting(), 2u);
  EXPECT_NE(mine->start(3'600'000, [] {}), 0u);
  mine->close();
  EXPECT_EQ(timers.waiting(), 0u);
  EXPECT_EQ(mine->start(3'600'000, [] {}), 0u);
}

TEST_F(InstanceTimersTest, OneThatBlocksHoldsUpItsOwnAlone) {
  std::promise<void> started, release, second, other;
  std::atomic<bool> finished = false;
  const auto id = mine->start(0, [&] {
    started.set_value();
    release.get_future().wait();
    finished = true;
  });
  started.get_future().wait();
  mine->start(0, [&] { second.set_value(); });
  timers.start(0, [&] { other.set_value(); });
  EXPECT_EQ(other.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  auto after = second.get_future();
  EXPECT_EQ(after.wait_for(std::chrono::seconds(0)), std::future_status::timeout);
  auto cancelled = std::async(std::launch::async, [&] {
    mine->cancel(id);
    return finished.load();
  });
  release.set_value();
  EXPECT_TRUE(cancelled.get()) << "cancel waits for a callback that runs";
  EXPECT_EQ(after.wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST_F(InstanceTimersTest, ACallbackMayCancelItselfAndStartAnother) {
  std::promise<void> done;
  std::atomic<uint64_t> id = 0;
  std::promise<void> known;
  auto gate = known.get_future().share();
  id = mine->start(0, [&] {
    gate.wait();
    mine->cancel(id);
    mine->start(0, [&] { done.set_value(); });
  });
  known.set_value();
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST_F(InstanceTimersTest, OneThatNobodyTakesIsForgotten) {
  const auto last = std::make_shared<InstanceTimers>(timers, 3, [](const std::function<void()>&) { return false; });
  std::promise<void> due;
  EXPECT_NE(last->start(0, [] {}), 0u);
  timers.start(0, [&] { due.set_value(); });
  due.get_future().wait();  // and so is the first
  EXPECT_EQ(last->waiting(), 0u);
}

TEST(LogBudget, ABurstThenSoMuchASecond) {
  constexpr int64_t kSecond = 1'000'000'000;
  LogBudget budget(1'000, 100);
  uint64_t dropped = 0;
  EXPECT_TRUE(budget.take(600, kSecond, &dropped));
  EXPECT_TRUE(budget.take(400, kSecond, &dropped));
  EXPECT_FALSE(budget.take(1, kSecond, &dropped));
  EXPECT_FALSE(budget.take(50, kSecond + kSecond / 2, &dropped)) << "lines come in rows, or not at all";
  EXPECT_TRUE(budget.take(50, 2 * kSecond, &dropped));
  EXPECT_EQ(dropped, 2u);
  EXPECT_TRUE(budget.take(50, 2 * kSecond, &dropped));
  EXPECT_EQ(dropped, 0u);
  EXPECT_FALSE(budget.take(1, 2 * kSecond, &dropped));
  // It fills up to the burst again, and no further.
  EXPECT_TRUE(budget.take(1'000, 1'000 * kSecond, &dropped));
  EXPECT_FALSE(budget.take(1, 1'000 * kSecond, &dropped));
}

TEST(LogBudget, NothingIsLostToRounding) {
  constexpr int64_t kSecond = 1'000'000'000, kHalfMs = 500'000;
  LogBudget budget(10, 1'000);
  uint64_t dropped = 0;
  EXPECT_TRUE(budget.take(10, kSecond, &dropped));
  EXPECT_TRUE(budget.take(0, kSecond + 3 * kHalfMs, &dropped));
  EXPECT_TRUE(budget.take(3, kSecond + 6 * kHalfMs, &dropped));
}

TEST(LogBudget, ALineOfMoreThanABurstWaitsForAWholeOne) {
  constexpr int64_t kSecond = 1'000'000'000;
  LogBudget budget(100, 10);
  uint64_t dropped = 0;
  EXPECT_FALSE(budget.take(200, kSecond, &dropped));
  EXPECT_TRUE(budget.take(200, 2 * kSecond, &dropped));
  EXPECT_EQ(dropped, 1u);
  EXPECT_FALSE(budget.take(1, 2 * kSecond, &dropped));
}

TEST(WorkerPool, BoundsItsQueue) {
  // Before the pool, whose worker still waits on it when this function ends.
  std::promise<void> started, release;
  auto gate = release.get_future().share();
  WorkerPool pool("t", 1, 1);
  ASSERT_TRUE(pool.post([&] {
    started.set_value();
    gate.wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(pool.post([] {}));
  EXPECT_FALSE(pool.post([] {}));
  release.set_value();
}

}  // namespace
}  // namespace gantry::plugin
