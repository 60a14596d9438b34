#include "core/controller/work_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <thread>

namespace gantry::controller {
namespace {

struct WorkQueueTest : testing::Test {
  plugin::SystemClock clock;
  plugin::Timers timers{clock};
  plugin::WorkerPool pool{"test", 4};
};

TEST_F(WorkQueueTest, RunsAKeyOnceForManyAddsBeforeStart) {
  std::promise<void> done;
  std::atomic<int> runs = 0;
  WorkQueue queue(timers, pool, 1, [&](const Key& key) {
    if (key.name == "last") done.set_value();
    if (key.name == "a") ++runs;
    return WorkQueue::Outcome{};
  });
  for (int i = 0; i < 10; ++i) queue.add({"ns", "a"});
  queue.add({"ns", "last"});
  EXPECT_EQ(queue.depth(), 2u);
  queue.start();
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  queue.stop();
  EXPECT_EQ(runs, 1);
}

TEST_F(WorkQueueTest, NeverRunsAKeyTwiceAtATimeAndLosesNoEvent) {
  std::mutex mutex;
  std::map<std::string, int> running;
  std::atomic<int> worst = 0;
  std::map<std::string, int> seen, written;
  std::promise<void> done;
  constexpr int kRounds = 400;
  WorkQueue queue(timers, pool, 4, [&](const Key& key) {
    std::unique_lock lock(mutex);
    worst = std::max(worst.load(), ++running[key.name]);
    seen[key.name] = written[key.name];
    lock.unlock();
    std::this_thread::yield();
    lock.lock();
    --running[key.name];
    bool all = true;
    for (const auto& [name, count] : written) all = all && count == kRounds && seen[name] == count;
    if (all && written.size() == 3) {
      done.set_value();
      written["over"] = 0;
    }
    return WorkQueue::Outcome{};
  });
  queue.start();
  for (int i = 0; i < kRounds; ++i) {
    for (const char* name : {"a", "b", "c"}) {
      {
        const std::lock_guard lock(mutex);
        ++written[name];
      }
      queue.add({"", name});
    }
  }
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  queue.stop();
  EXPECT_EQ(worst, 1);
}

TEST_F(WorkQueueTest, RetriesAFailedKey) {
  std::promise<void> done;
  std::atomic<int> runs = 0;
  WorkQueue queue(timers, pool, 1, [&](const Key&) {
    if (++runs < 3) return WorkQueue::Outcome{true, 0};
    done.set_value();
    return WorkQueue::Outcome{};
  });
  queue.start();
  queue.add({"", "x"});
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  queue.stop();
  EXPECT_EQ(queue.retries(), 2u);
}

TEST_F(WorkQueueTest, AHeldRunKeepsTheBackoff) {
  std::promise<void> done;
  std::vector<std::chrono::steady_clock::time_point> times;
  WorkQueue queue(timers, pool, 1, [&](const Key&) {
    times.push_back(std::chrono::steady_clock::now());
    // Six failures (5, 10, ... 160 ms), a run that is held back, one more failure: 320 ms, not 5.
    if (times.size() == 7) return WorkQueue::Outcome{.requeue_after_ms = 1, .held = true};
    if (times.size() == 9) done.set_value();
    return WorkQueue::Outcome{.failed = times.size() < 9};
  });
  queue.start();
  queue.add({"", "x"});
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  queue.stop();
  EXPECT_GE(times[8] - times[7], std::chrono::milliseconds(300));
}

TEST_F(WorkQueueTest, TheEarliestDelayWins) {
  std::promise<void> done;
  WorkQueue queue(timers, pool, 1, [&](const Key&) {
    done.set_value();
    return WorkQueue::Outcome{};
  });
  queue.start();
  queue.add_after({"", "x"}, 3'600'000);
  queue.add_after({"", "x"}, 5);
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST_F(WorkQueueTest, PauseWaitsForRunsAndKeepsKeys) {
  std::promise<void> started, release, again;
  auto gate = release.get_future().share();
  std::atomic<int> runs = 0;
  WorkQueue queue(timers, pool, 1, [&](const Key&) {
    if (++runs == 1) {
      started.set_value();
      gate.wait();
    } else if (runs == 2) {
      again.set_value();
    }
    return WorkQueue::Outcome{};
  });
  queue.start();
  queue.add({"", "x"});
  started.get_future().wait();
  queue.add({"", "y"});
  auto paused = std::async(std::launch::async, [&] { return queue.pause(10'000); });
  release.set_value();
  EXPECT_TRUE(paused.get());
  // The pause may have come before or after the second key began: either way it is not lost, and nothing runs now.
  const int before = runs;
  EXPECT_EQ(static_cast<size_t>(before) + queue.depth(), 2u);
  queue.add({"", "x"});
  EXPECT_EQ(runs, before);
  queue.resume();
  EXPECT_EQ(again.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST_F(WorkQueueTest, TimersMayFireAfterTheQueueIsGone) {
  std::promise<void> later;
  {
    WorkQueue queue(timers, pool, 1, [](const Key&) { return WorkQueue::Outcome{}; });
    queue.start();
    queue.add_after({"", "x"}, 10);
  }
  timers.start(30, [&] { later.set_value(); });
  EXPECT_EQ(later.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

}  // namespace
}  // namespace gantry::controller
