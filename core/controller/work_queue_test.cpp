#include "core/controller/work_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <iterator>
#include <map>
#include <thread>

#include "core/plugin/bounds.hpp"

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
  queue.add_after({"", "x"}, 100);
  queue.add_after({"", "x"}, 3'600'000);
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

// The process that runs the keys is down: nothing is tried, nothing has failed, and all go on with the next one.
TEST_F(WorkQueueTest, ADownRunIsNoFailureAndWaitsForResume) {
  std::promise<void> down, done;
  std::atomic<bool> up = false;
  std::atomic<int> runs = 0, good = 0;
  WorkQueue* self = nullptr;
  WorkQueue queue(timers, pool, 1, [&](const Key&) {
    ++runs;
    if (!up) {
      down.set_value();  // once: throws on a second run
      return WorkQueue::Outcome{.down = true, .epoch = self->epoch()};
    }
    if (++good == 3) done.set_value();
    return WorkQueue::Outcome{};
  });
  self = &queue;
  queue.start();
  queue.add({"", "a"});
  down.get_future().wait();
  queue.add({"", "b"});
  queue.add_after({"", "c"}, 1);
  ASSERT_TRUE(queue.pause(10'000)) << "no run is under way";
  EXPECT_EQ(runs, 1);
  up = true;
  queue.resume();
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(runs, 4);
  EXPECT_EQ(queue.retries(), 0u);
}

// Another process has come while the run found its own down: it need not wait for a third.
TEST_F(WorkQueueTest, ADownRunOfAnEarlierEpochGoesOnAtOnce) {
  std::promise<void> done;
  std::atomic<int> runs = 0;
  WorkQueue* self = nullptr;
  WorkQueue queue(timers, pool, 1, [&](const Key&) {
    if (++runs == 1) {
      const auto epoch = self->epoch();
      self->resume();
      return WorkQueue::Outcome{.down = true, .epoch = epoch};
    }
    done.set_value();
    return WorkQueue::Outcome{};
  });
  self = &queue;
  queue.start();
  queue.add({"", "a"});
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST_F(WorkQueueTest, WhatAPluginMakesUpIsBounded) {
  namespace bounds = plugin::bounds;
  using From = WorkQueue::From;
  std::promise<void> room;
  WorkQueue queue(timers, pool, 4, [](const Key&) { return WorkQueue::Outcome{}; });
  queue.on_room([&] { room.set_value(); });
  EXPECT_FALSE(queue.offer({"", std::string(bounds::kKeySize + 1, 'x')}, 0));
  EXPECT_FALSE(queue.full());
  for (size_t i = 0; i < bounds::kKeys; ++i) {
    ASSERT_TRUE(queue.offer({"", std::to_string(i)}, i % 2 == 0 ? 0 : 3'600'000)) << i;
  }
  EXPECT_TRUE(queue.full());
  EXPECT_FALSE(queue.offer({"", "more"}, 0));
  EXPECT_FALSE(queue.offer({"", "more"}, 1'000));
  EXPECT_TRUE(queue.offer({"", "0"}, 0)) << "it is there already";
  EXPECT_TRUE(queue.offer({"", "of one event"}, 0, From::kMap));
  for (size_t i = 1; i < bounds::kKeys; ++i) queue.offer({"map", std::to_string(i)}, 0, From::kMap);
  EXPECT_FALSE(queue.offer({"", "too many of one event"}, 0, From::kMap));
  // What the host's caches hold always finds room.
  const auto before = queue.depth();
  queue.add({"", "an object"});
  EXPECT_EQ(queue.depth(), before + 1);
  for (size_t i = 1; i < bounds::kKeys; i += 2) queue.add({"", std::to_string(i)});
  queue.start();
  EXPECT_EQ(room.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  EXPECT_FALSE(queue.full());
}

TEST_F(WorkQueueTest, LongNamesCountTheirBytes) {
  namespace bounds = plugin::bounds;
  WorkQueue queue(timers, pool, 1, [](const Key&) { return WorkQueue::Outcome{}; });
  const std::string name(bounds::kKeySize - 16, 'x');
  size_t taken = 0;
  while (queue.offer({std::to_string(taken), name}, 0)) ++taken;
  EXPECT_NEAR(static_cast<double>(taken), static_cast<double>(bounds::kKeyBytes) / bounds::kKeySize, 20.0);
  EXPECT_TRUE(queue.offer({"", "short"}, 0));
  EXPECT_FALSE(queue.full());
  EXPECT_TRUE(queue.offer({"map", name}, 0, WorkQueue::From::kMap));
  EXPECT_TRUE(queue.full());
  std::promise<size_t> room;
  queue.on_room([&] { room.set_value(queue.depth()); });
  queue.start();
  auto left = room.get_future();
  ASSERT_EQ(left.wait_for(std::chrono::seconds(60)), std::future_status::ready);
  EXPECT_LE(left.get(), taken / 2 + 2);
}

TEST_F(WorkQueueTest, OneThatIsLateTakesOnePlace) {
  std::promise<void> release, late, next;
  auto gate = release.get_future().share();
  WorkQueue queue(timers, pool, 1, [&](const Key& key) {
    if (key.name == "late") late.set_value();
    if (key.name == "next") next.set_value();
    gate.wait();
    return WorkQueue::Outcome{};
  });
  queue.start();
  queue.add({"", "late"});
  late.get_future().wait();
  for (int i = 0; i < 3; ++i) queue.note_overdue({"", "late"}, true);
  queue.add({"", "next"});
  queue.add({"", "waits"});
  next.get_future().wait();
  EXPECT_EQ(queue.depth(), 1u);
  release.set_value();
}

size_t threads_of_all() {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}));
}

TEST_F(WorkQueueTest, TheThreadThatWasLentForALateOneIsTakenBack) {
  plugin::WorkerPool one("one", 1);
  std::promise<void> release, late, busy, end;
  WorkQueue queue(timers, one, 1, [&, gate = release.get_future().share()](const Key&) {
    late.set_value();
    gate.wait();
    return WorkQueue::Outcome{};
  });
  queue.start();
  queue.add({"", "late"});
  late.get_future().wait();
  queue.note_overdue({"", "late"}, true);
  release.set_value();
  queue.stop();
  const size_t before = threads_of_all();
  one.post([&, gate = end.get_future().share()] {
    busy.set_value();
    gate.wait();
  });
  busy.get_future().wait();
  one.post([] {});
  EXPECT_EQ(threads_of_all(), before);
  end.set_value();
}

TEST_F(WorkQueueTest, AKeyHasOneTimerAndNoneWhenTheQueueStops) {
  WorkQueue queue(timers, pool, 1, [](const Key&) { return WorkQueue::Outcome{}; });
  for (int64_t delay = 4'000'000; delay > 3'000'000; delay -= 1'000) queue.add_after({"", "x"}, delay);
  EXPECT_EQ(timers.waiting(), 1u);
  queue.add_after({"", "y"}, INT64_MAX);
  EXPECT_EQ(timers.waiting(), 2u);
  queue.stop();
  EXPECT_EQ(timers.waiting(), 0u);
}

}  // namespace
}  // namespace gantry::controller
