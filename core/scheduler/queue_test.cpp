#include "core/scheduler/queue.hpp"

#include <gtest/gtest.h>

#include "core/scheduler/node_cache.hpp"

namespace gantry::scheduler {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

WaitingPtr pod(const std::string& uid, int priority = 0, int64_t created = 0, int64_t generation = 1) {
  auto info = std::make_shared<WaitingPod>();
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
  queue.unschedulable(queue.pop(0), 0, Changes::kPodGone);
  EXPECT_EQ(queue.waiting(), 1u);
  EXPECT_EQ(queue.pop(100 * kSecond), nullptr);
  queue.wake(Changes::kPodGone, 100 * kSecond);
  EXPECT_EQ(queue.pop(100 * kSecond)->uid, "p");
}

TEST(Queue, AChangeWakesThosePodsThatItMayHelp) {
  SchedulingQueue queue;
  const auto wait_for = [&](const std::string& uid, Changes helped_by) {
    queue.add(pod(uid), 0);
    queue.unschedulable(queue.pop(0), 0, helped_by);
  };
  wait_for("room", Changes::kPodGone | Changes::kAllocatable | Changes::kNodeAdded);
  wait_for("room too", Changes::kPodGone | Changes::kAllocatable | Changes::kNodeAdded);
  wait_for("label", Changes::kLabels | Changes::kNodeAdded);
  wait_for("never", Changes::kNone);
  EXPECT_EQ(queue.waiting(), 4u);
  EXPECT_EQ(*queue.next_due(), 300 * kSecond);
  queue.wake(Changes::kNone, 20 * kSecond);
  queue.wake(Changes::kTaints, 20 * kSecond);
  EXPECT_EQ(queue.waiting(), 4u);
  queue.wake(Changes::kLabels | Changes::kTaints, 20 * kSecond);
  EXPECT_EQ(queue.waiting(), 3u);
  EXPECT_EQ(queue.pop(20 * kSecond)->uid, "label");
  queue.wake(Changes::kAllocatable, 0);
  EXPECT_EQ(queue.waiting(), 1u);
  EXPECT_EQ(queue.backing_off(), 2u) << "after their backoff";
  queue.wake(Changes::kAny, 20 * kSecond);
  EXPECT_EQ(queue.waiting(), 1u) << "no change at all helps";
  queue.remove("never");
  EXPECT_EQ(queue.waiting(), 0u);
}

TEST(Queue, UnschedulablePodsAreTriedAgainAfterFiveMinutes) {
  SchedulingQueue queue;
  queue.add(pod("p"), 0);
  queue.unschedulable(queue.pop(0), 0, Changes::kPodGone);
  queue.add(pod("q"), 10 * kSecond);
  queue.unschedulable(queue.pop(10 * kSecond), 10 * kSecond, Changes::kNone);
  EXPECT_EQ(*queue.next_due(), 300 * kSecond);
  EXPECT_EQ(queue.pop(301 * kSecond)->uid, "p");
  EXPECT_EQ(*queue.next_due(), 310 * kSecond);
  EXPECT_EQ(queue.pop(309 * kSecond), nullptr);
  EXPECT_EQ(queue.pop(310 * kSecond)->uid, "q");
  EXPECT_EQ(queue.next_due(), std::nullopt);
}

TEST(Queue, AStatusChangeDoesNotWakeASpecChangeDoes) {
  SchedulingQueue queue;
  queue.add(pod("p"), 0);
  queue.unschedulable(queue.pop(0), 0, Changes::kPodGone);
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
  EXPECT_EQ(cache.set_node(facts), Changes::kNodeAdded);
  EXPECT_EQ(cache.set_node(facts), Changes::kNone);
  cache.add_pod(pod("a"), "n");
  cache.add_pod(pod("a"), "n");  // the watch confirms the assumed pod
  EXPECT_EQ(cache.nodes()[0]->pods, 1);
  EXPECT_EQ(cache.nodes()[0]->requested.milli_cpu, 100);
  EXPECT_TRUE(cache.remove_pod("a"));
  EXPECT_FALSE(cache.remove_pod("a"));
  EXPECT_EQ(cache.nodes()[0]->requested.milli_cpu, 0);
}

TEST(NodeCache, SaysWhatIsNewOfANode) {
  NodeCache cache;
  NodeFacts facts;
  facts.name = "n";
  cache.set_node(facts);
  const auto changed = [&](auto change) {
    change(facts);
    const Changes changes = cache.set_node(facts);
    EXPECT_EQ(cache.set_node(facts), Changes::kNone);
    return changes;
  };
  EXPECT_EQ(changed([](NodeFacts& f) { f.unschedulable = true; }), Changes::kTaints);
  EXPECT_EQ(changed([](NodeFacts& f) { f.taints.emplace_back().set_key("a"); }), Changes::kTaints);
  EXPECT_EQ(changed([](NodeFacts& f) { f.taints[0].set_value("b"); }), Changes::kTaints);
  EXPECT_EQ(changed([](NodeFacts& f) { f.taints[0].set_effect("NoSchedule"); }), Changes::kTaints);
  EXPECT_EQ(changed([](NodeFacts& f) { f.labels = {{"zone", "a"}}; }), Changes::kLabels);
  EXPECT_EQ(changed([](NodeFacts& f) { f.max_pods = 1; }), Changes::kAllocatable);
  EXPECT_EQ(changed([](NodeFacts& f) { f.allocatable.milli_cpu = 1; }), Changes::kAllocatable);
  EXPECT_EQ(changed([](NodeFacts& f) { f.allocatable.memory = 1; }), Changes::kAllocatable);
  EXPECT_EQ(changed([](NodeFacts& f) { f.allocatable.storage = 1; }), Changes::kAllocatable);
  EXPECT_EQ(changed([](NodeFacts& f) { f.allocatable.others["x.io/gpu"] = 1; }), Changes::kAllocatable);
  EXPECT_EQ(changed([](NodeFacts& f) { f.taints.clear(), f.labels.clear(); }), Changes::kTaints | Changes::kLabels);
  cache.remove_node("n");
  EXPECT_EQ(cache.set_node(facts), Changes::kNodeAdded);
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
