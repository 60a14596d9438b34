#include "evictions.hpp"

#include <gtest/gtest.h>

#include "testing.hpp"

namespace gantry::nodelifecycle {
namespace {

TimedTaint timed(const std::string& key, int64_t since_ns = kNow, const std::string& value = {}) {
  TimedTaint made;
  made.taint.set_key(key);
  made.taint.set_value(value);
  made.taint.set_effect("NoExecute");
  made.since_ns = since_ns;
  return made;
}

TEST(EvictAt, WhoDoesNotTolerateGoesAtOnce) {
  auto pod = pod_of("p", "n");
  EXPECT_EQ(evict_at_ns(pod, {}), std::nullopt);
  EXPECT_EQ(evict_at_ns(pod, {timed("a")}), 0);
  tolerate(pod, "a", -1);
  EXPECT_EQ(evict_at_ns(pod, {timed("a")}), std::nullopt);
  EXPECT_EQ(evict_at_ns(pod, {timed("a"), timed("b")}), 0);
}

TEST(EvictAt, TheShortestTolerationCounts) {
  auto pod = pod_of("p", "n");
  tolerate(pod, "a", 300);
  tolerate(pod, "b", 60);
  tolerate(pod, "b", 10);  // the first that fits counts
  tolerate(pod, "c", 0);
  EXPECT_EQ(evict_at_ns(pod, {timed("a")}), kNow + 300 * kSecond);
  EXPECT_EQ(evict_at_ns(pod, {timed("a"), timed("b", kNow + 5 * kSecond)}), kNow + 65 * kSecond);
  EXPECT_EQ(evict_at_ns(pod, {timed("a"), timed("c")}), 0);
}

TEST(EvictAt, NotBeforeThePodWasThere) {
  auto pod = pod_of("p", "n");
  tolerate(pod, "a", 60);
  auto& scheduled = *pod.mutable_status()->add_conditions();
  scheduled.set_type("PodScheduled");
  scheduled.set_status("True");
  *scheduled.mutable_last_transition_time() = to_time(kNow + 20 * kSecond);
  EXPECT_EQ(evict_at_ns(pod, {timed("a")}), kNow + 80 * kSecond);
}

TEST(EvictAt, TolerationsOfValuesAndOfEverything) {
  auto pod = pod_of("p", "n");
  auto& equal = *pod.mutable_spec()->add_tolerations();
  equal.set_key("a");
  equal.set_value("x");
  EXPECT_EQ(evict_at_ns(pod, {timed("a", kNow, "x")}), std::nullopt);
  EXPECT_EQ(evict_at_ns(pod, {timed("a", kNow, "y")}), 0);
  equal.set_effect("NoSchedule");
  EXPECT_EQ(evict_at_ns(pod, {timed("a", kNow, "x")}), 0);
  tolerate(pod, "", -1);
  EXPECT_EQ(evict_at_ns(pod, {timed("a", kNow, "y"), timed("b")}), std::nullopt);
}

TEST(TaintTimes, OfTaintsThatSayNothingTheFirstLook) {
  TaintTimes times;
  auto with_time = timed("a").taint;
  *with_time.mutable_time_added() = to_time(kNow - 100 * kSecond);
  const auto without = timed("b").taint;
  auto found = times.timed({with_time, without}, kNow);
  EXPECT_EQ(found[0].since_ns, kNow - 100 * kSecond);
  EXPECT_EQ(found[1].since_ns, kNow);
  EXPECT_EQ(times.timed({without}, kNow + kSecond)[0].since_ns, kNow);
  times.timed({}, kNow + 2 * kSecond);
  EXPECT_EQ(times.timed({without}, kNow + 3 * kSecond)[0].since_ns, kNow + 3 * kSecond);
}

}  // namespace
}  // namespace gantry::nodelifecycle
