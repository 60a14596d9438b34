#include "behaviour.hpp"

#include <gtest/gtest.h>

#include "gantry/times.hpp"

namespace gantry::autoscaler {
namespace {

using Spec = autoscalingv2::HorizontalPodAutoscalerSpec;

int64_t at(int64_t seconds) { return (1'000'000 + seconds) * kNanosPerSecond; }

Spec bounds(int32_t least, int32_t most) {
  Spec spec;
  spec.set_min_replicas(least);
  spec.set_max_replicas(most);
  return spec;
}
void policy(autoscalingv2::HPAScalingRules& rules, const char* type, int32_t value, int32_t seconds) {
  auto& made = *rules.add_policies();
  made.set_type(type);
  made.set_value(value);
  made.set_period_seconds(seconds);
}
// As the server fills in what a spec with behavior leaves out.
Spec usual(int32_t least, int32_t most) {
  auto spec = bounds(least, most);
  auto& up = *spec.mutable_behavior()->mutable_scale_up();
  up.set_stabilization_window_seconds(0);
  up.set_select_policy("Max");
  policy(up, "Pods", 4, 15);
  policy(up, "Percent", 100, 15);
  auto& down = *spec.mutable_behavior()->mutable_scale_down();
  down.set_select_policy("Max");
  policy(down, "Percent", 100, 15);
  return spec;
}

struct BehaviourTest : ::testing::Test {
  Decision decide(const Spec& spec, int32_t current, int32_t wanted, int64_t seconds) {
    history.begin(current, at(seconds));
    return history.decide(spec, current, wanted, 300, at(seconds));
  }
  History history;
};

TEST_F(BehaviourTest, GrowsByDoublingWithinItsBounds) {
  EXPECT_EQ(decide(bounds(1, 100), 3, 5, 0).replicas, 5);
  const auto fast = decide(bounds(1, 100), 3, 50, 1);
  EXPECT_EQ(fast.replicas, 6);
  EXPECT_TRUE(fast.limited);
  EXPECT_EQ(fast.limit_reason, "ScaleUpLimit");
  EXPECT_EQ(decide(bounds(1, 100), 1, 50, 2).replicas, 4);
  const auto many = decide(bounds(1, 5), 3, 50, 3);
  EXPECT_EQ(many.replicas, 5);
  EXPECT_EQ(many.limit_reason, "TooManyReplicas");
}

TEST_F(BehaviourTest, ShrinksWhenNothingElseWasWantedForFiveMinutes) {
  decide(bounds(2, 100), 10, 10, 0);
  const auto early = decide(bounds(2, 100), 10, 1, 299);
  EXPECT_EQ(early.replicas, 10);
  EXPECT_EQ(early.able_reason, "ScaleDownStabilized");
  EXPECT_FALSE(early.limited);
  const auto late = decide(bounds(2, 100), 10, 1, 301);
  EXPECT_EQ(late.replicas, 2);
  EXPECT_EQ(late.able_reason, "ReadyForNewScale");
  EXPECT_EQ(late.limit_reason, "TooFewReplicas");
}

TEST_F(BehaviourTest, ItsFirstNumberIsARecommendation) {
  EXPECT_EQ(decide(bounds(1, 100), 10, 2, 0).replicas, 10);
  EXPECT_EQ(decide(bounds(1, 100), 10, 2, 200).replicas, 10);
  EXPECT_EQ(decide(bounds(1, 100), 10, 2, 301).replicas, 2);
}

TEST_F(BehaviourTest, PoliciesCountWhatTheirPeriodSaw) {
  auto spec = usual(1, 100);
  spec.mutable_behavior()->mutable_scale_up()->clear_policies();
  policy(*spec.mutable_behavior()->mutable_scale_up(), "Pods", 4, 60);
  const auto first = decide(spec, 3, 50, 0);
  EXPECT_EQ(first.replicas, 7);
  EXPECT_EQ(first.limit_reason, "ScaleUpLimit");
  history.scaled(spec, 3, 7, at(0));
  EXPECT_EQ(decide(spec, 7, 50, 59).replicas, 7);
  EXPECT_EQ(decide(spec, 7, 50, 60).replicas, 11);
  // What went in the meantime may come again.
  history.scaled(spec, 7, 5, at(61));
  EXPECT_EQ(decide(spec, 5, 50, 62).replicas, 11);
}

TEST_F(BehaviourTest, TheLargestOrTheLeastPolicyOrNone) {
  auto spec = usual(1, 100);
  EXPECT_EQ(decide(spec, 2, 50, 0).replicas, 6);
  EXPECT_EQ(decide(spec, 10, 50, 1).replicas, 20);
  spec.mutable_behavior()->mutable_scale_up()->set_select_policy("Min");
  EXPECT_EQ(decide(spec, 10, 50, 2).replicas, 14);
  spec.mutable_behavior()->mutable_scale_up()->set_select_policy("Disabled");
  const auto none = decide(spec, 10, 50, 3);
  EXPECT_EQ(none.replicas, 10);
  EXPECT_EQ(none.limit_reason, "ScaleUpLimit");
}

TEST_F(BehaviourTest, ShrinkingHasPoliciesToo) {
  auto spec = usual(1, 100);
  auto& down = *spec.mutable_behavior()->mutable_scale_down();
  down.set_stabilization_window_seconds(0);
  down.clear_policies();
  policy(down, "Pods", 2, 60);
  policy(down, "Percent", 50, 60);
  EXPECT_EQ(decide(spec, 10, 1, 0).replicas, 5);
  down.set_select_policy("Min");
  const auto slow = decide(spec, 10, 1, 1);
  EXPECT_EQ(slow.replicas, 8);
  EXPECT_EQ(slow.limit_reason, "ScaleDownLimit");
  history.scaled(spec, 10, 8, at(1));
  EXPECT_EQ(decide(spec, 8, 1, 30).replicas, 8);
  EXPECT_EQ(decide(spec, 8, 1, 62).replicas, 6);
}

TEST_F(BehaviourTest, AWindowForGrowing) {
  auto spec = usual(1, 100);
  spec.mutable_behavior()->mutable_scale_up()->set_stabilization_window_seconds(60);
  decide(spec, 4, 4, 0);
  const auto early = decide(spec, 4, 6, 30);
  EXPECT_EQ(early.replicas, 4);
  EXPECT_EQ(early.able_reason, "ScaleUpStabilized");
  EXPECT_EQ(decide(spec, 4, 7, 61).replicas, 6);
}

TEST_F(BehaviourTest, RemembersNoMoreThanItsWindow) {
  const auto spec = bounds(1, 100);
  for (int second = 0; second < 10'000; ++second) decide(spec, 5, 5, second);
  EXPECT_LT(history.size(), 310u);
}

TEST(Bounds, AndTolerance) {
  Spec spec;
  spec.set_max_replicas(4);
  EXPECT_EQ(bounds_of(spec).least, 1);
  EXPECT_EQ(bounds_of(spec).most, 4);
  spec.mutable_behavior()->mutable_scale_up()->mutable_tolerance()->set_string("50m");
  const auto tolerance = tolerance_of(spec, 0.2);
  EXPECT_DOUBLE_EQ(tolerance.up, 0.05);
  EXPECT_DOUBLE_EQ(tolerance.down, 0.2);
}

}  // namespace
}  // namespace gantry::autoscaler
