#include "core/scheduler/queue.hpp"

#include <gtest/gtest.h>

#include "core/scheduler/node_cache.hpp"

namespace gantry::scheduler {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

PodPtr pod(const std::string& uid, int priority = 0, int64_t created = 0, int64_t generation = 1) {
  auto info = std::make_shared<PodInfo>();
  info->uid = info->name = uid;
  info->priority = priority;
  info->created_seconds = created;
  info->generation = generation;
  info->requests.milli_cpu = 100;
  return info;
}

TEST(Queue, PriorityThenAge) {
  SchedulingQueue queue;
  queue.add(pod("young", 0, 20), 0);
  queue.add(pod("old", 0, 10), 0);
  queue.add(pod("urgent", 5, 30), 0);
  EXPECT_EQ(queue.pop(0)->uid, "urgent");
  EXPECT_EQ(queue.pop(0)->uid, "old");
  EXPECT_EQ(queue.pop(0)->uid, "young");
  EXPECT_EQ(queue.pop(0), nullptr);
}

TEST(Queue, BackoffDoublesUpToTenSeconds) {
  SchedulingQueue queue;
  int64_t now = 0;
  const int64_t waits[] = {1, 2, 4, 8, 10, 10};
  queue.add(pod("p"), now);
  for (const int64_t wait : waits) {
    const auto popped = queue.pop(now);
    ASSERT_NE(popped, nullptr);
    queue.failed(popped, now);
    EXPECT_EQ(queue.pop(now + wait * kSecond - 1), nullptr);
    EXPECT_EQ(*queue.next_due(), now + wait * kSecond);
    now += wait * kSecond;
  }
  queue.done("p");
  EXPECT_EQ(queue.attempts("p"), 0);
}

TEST(Queue, UnschedulablePodsWaitForAChange) {
  SchedulingQueue queue;
  queue.add(pod("p"), 0);
  queue.unschedulable(queue.pop(0), 0, false);
  EXPECT_EQ(queue.waiting(), 1u);
  EXPECT_EQ(queue.pop(100 * kSecond), nullptr);
  queue.wake_unschedulable(100 * kSecond);
  EXPECT_EQ(queue.pop(100 * kSecond)->uid, "p");
}

TEST(Queue, AnEventDuringTheAttemptBringsItBack) {
  SchedulingQueue queue;
  queue.add(pod("p"), 0);
  queue.unschedulable(queue.pop(0), 0, true);
  EXPECT_EQ(queue.waiting(), 0u);
  EXPECT_EQ(queue.pop(kSecond)->uid, "p");
}

TEST(Queue, UnschedulablePodsAreTriedAgainAfterFiveMinutes) {
  SchedulingQueue queue;
  queue.add(pod("p"), 0);
  queue.unschedulable(queue.pop(0), 0, false);
  EXPECT_EQ(queue.pop(301 * kSecond)->uid, "p");
}

TEST(Queue, AStatusChangeDoesNotWakeASpecChangeDoes) {
  SchedulingQueue queue;
  queue.add(pod("p"), 0);
  queue.unschedulable(queue.pop(0), 0, false);
  queue.add(pod("p"), 20 * kSecond);
  EXPECT_EQ(queue.waiting(), 1u);
  queue.add(pod("p", 0, 0, 2), 20 * kSecond);
  EXPECT_EQ(queue.waiting(), 0u);
  EXPECT_NE(queue.pop(20 * kSecond), nullptr);
}

TEST(Queue, SaysWhatIsNews) {
  SchedulingQueue queue;
  EXPECT_TRUE(queue.is_news("p", "a"));
  EXPECT_FALSE(queue.is_news("p", "a"));
  EXPECT_TRUE(queue.is_news("p", "b"));
}

TEST(Queue, RemovedPodsAreForgotten) {
  SchedulingQueue queue;
  queue.add(pod("p"), 0);
  queue.remove("p");
  queue.remove("p");
  EXPECT_EQ(queue.pop(0), nullptr);
}

TEST(NodeCache, CountsPodsOnceAndForgetsThem) {
  NodeCache cache;
  NodeFacts facts;
  facts.name = "n";
  EXPECT_TRUE(cache.set_node(facts));
  EXPECT_FALSE(cache.set_node(facts));
  cache.add_pod(pod("a"), "n");
  cache.add_pod(pod("a"), "n");  // the watch confirms the assumed pod
  EXPECT_EQ(cache.nodes()[0]->pods, 1);
  EXPECT_EQ(cache.nodes()[0]->requested.milli_cpu, 100);
  EXPECT_TRUE(cache.remove_pod("a"));
  EXPECT_FALSE(cache.remove_pod("a"));
  EXPECT_EQ(cache.nodes()[0]->requested.milli_cpu, 0);
}

TEST(NodeCache, PodsMayComeBeforeTheirNodeAndOutliveIt) {
  NodeCache cache;
  cache.add_pod(pod("a"), "n");
  EXPECT_TRUE(cache.nodes().empty());
  NodeFacts facts;
  facts.name = "n";
  cache.set_node(facts);
  EXPECT_EQ(cache.nodes()[0]->pods, 1);
  cache.remove_node("n");
  EXPECT_TRUE(cache.nodes().empty());
  EXPECT_TRUE(cache.remove_pod("a"));
  cache.remove_node("n");
}

}  // namespace
}  // namespace gantry::scheduler
