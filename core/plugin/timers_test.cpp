#include "core/plugin/timers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

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
