#include "rollout_math.hpp"

#include <gmock/gmock.h>

#include "annotations.hpp"

namespace gantry::deployment {
namespace {

using k8s::io::apimachinery::pkg::util::intstr::IntOrString;
using testing::ElementsAre;

IntOrString number(int32_t value) {
  IntOrString out;
  out.set_int_val(value);
  return out;
}
IntOrString text(const std::string& value) {
  IntOrString out;
  out.set_type(1);
  out.set_str_val(value);
  return out;
}

Deployment rolling(int32_t replicas, const IntOrString& surge = text("25%"),
                   const IntOrString& unavailable = text("25%")) {
  Deployment deployment;
  deployment.mutable_spec()->set_replicas(replicas);
  deployment.mutable_spec()->mutable_strategy()->set_type("RollingUpdate");
  auto& limits = *deployment.mutable_spec()->mutable_strategy()->mutable_rolling_update();
  *limits.mutable_max_surge() = surge;
  *limits.mutable_max_unavailable() = unavailable;
  return deployment;
}

ReplicaSet a_set(const std::string& name, int64_t created, int32_t replicas, int32_t available = 0, int32_t max = 0) {
  ReplicaSet set;
  set.mutable_metadata()->set_name(name);
  set.mutable_metadata()->mutable_creation_timestamp()->set_seconds(created);
  set.mutable_spec()->set_replicas(replicas);
  set.mutable_status()->set_available_replicas(available);
  if (max > 0) annotate_size(set, 0, max);
  return set;
}

std::vector<std::pair<std::string, int32_t>> named(const Sizes& sizes) {
  std::vector<std::pair<std::string, int32_t>> out;
  for (const auto& [set, size] : sizes) out.emplace_back(set->metadata().name(), size);
  return out;
}
std::pair<std::string, int32_t> size(const char* name, int32_t count) { return {name, count}; }

std::pair<int32_t, int32_t> limits(const Deployment& deployment) {
  const auto found = limits_of(deployment);
  EXPECT_TRUE(found.ok());
  return {found->surge, found->unavailable};
}

TEST(RolloutMath, PercentagesRoundTowardsSafety) {
  EXPECT_EQ(limits(rolling(10)), std::make_pair(3, 2));
  EXPECT_EQ(limits(rolling(1)), std::make_pair(1, 0));
  EXPECT_EQ(limits(rolling(0)), std::make_pair(0, 0));
  EXPECT_EQ(limits(rolling(4, number(7), number(9))), std::make_pair(7, 4));
  EXPECT_EQ(limits(rolling(3, text("0%"), text("30%"))), std::make_pair(0, 1));
  EXPECT_EQ(limits(rolling(3, number(0), number(0))), std::make_pair(0, 1));
}

TEST(RolloutMath, RecreateHasNoLimitsAndNonsenseIsRefused) {
  auto deployment = rolling(4);
  deployment.mutable_spec()->mutable_strategy()->set_type("Recreate");
  EXPECT_EQ(limits(deployment), std::make_pair(0, 0));
  for (const char* bad : {"25", "%", "x%", "25%%", ""}) {
    const auto found = limits_of(rolling(4, text(bad)));
    ASSERT_FALSE(found.ok()) << bad;
    EXPECT_NE(found.error().message().find("maxSurge"), std::string::npos);
  }
}

TEST(RolloutMath, TheNewSetGrowsIntoTheSurge) {
  auto old = a_set("old", 1, 10), fresh = a_set("fresh", 2, 0);
  EXPECT_EQ(new_set_size(rolling(10), {3, 2}, fresh, {&old, &fresh}), 3);
  fresh.mutable_spec()->set_replicas(3);
  EXPECT_EQ(new_set_size(rolling(10), {3, 2}, fresh, {&old, &fresh}), 3);
  old.mutable_spec()->set_replicas(1);
  EXPECT_EQ(new_set_size(rolling(10), {3, 2}, fresh, {&old, &fresh}), 10);
  auto deployment = rolling(10);
  deployment.mutable_spec()->mutable_strategy()->set_type("Recreate");
  EXPECT_EQ(new_set_size(deployment, {}, fresh, {&old, &fresh}), 10);
}

TEST(RolloutMath, OldPodsGoOnlyWhenEnoughRemain) {
  auto old = a_set("old", 1, 8, 8), fresh = a_set("fresh", 2, 5, 0);
  EXPECT_EQ(most_to_shrink(rolling(10), {3, 2}, fresh, {&old, &fresh}), 0);
  fresh.mutable_status()->set_available_replicas(3);
  EXPECT_EQ(most_to_shrink(rolling(10), {3, 2}, fresh, {&old, &fresh}), 3);
}

TEST(RolloutMath, PodsThatAreAboutToEndAreNotSparedTwice) {
  auto old = a_set("old", 1, 2, 3), fresh = a_set("fresh", 2, 10, 7);
  EXPECT_EQ(available_to_spare(rolling(10), {3, 2}, {&old, &fresh}), 1);
  old.mutable_status()->set_available_replicas(2);
  EXPECT_EQ(available_to_spare(rolling(10), {3, 2}, {&old, &fresh}), 1);
  EXPECT_EQ(available_to_spare(rolling(10), {3, 0}, {&old, &fresh}), -1);
}

TEST(RolloutMath, UnhealthyPodsGoFirstOldestSetFirst) {
  auto a = a_set("a", 1, 5, 5), b = a_set("b", 2, 5, 2), c = a_set("c", 3, 4, 1), d = a_set("d", 4, 0, 0);
  auto late = a_set("late", 0, 2, 4);  // more available than wanted: it shrinks already
  EXPECT_THAT(named(shrink_unhealthy({&c, &a, &d, &b, &late}, 10)), ElementsAre(size("b", 2), size("c", 1)));
  EXPECT_THAT(named(shrink_unhealthy({&c, &b}, 4)), ElementsAre(size("b", 2), size("c", 3)));
  EXPECT_THAT(named(shrink_unhealthy({&c, &b}, 2)), ElementsAre(size("b", 3)));
  EXPECT_THAT(named(shrink_healthy({&c, &a, &b}, 7)), ElementsAre(size("a", 0), size("b", 3)));
  EXPECT_THAT(named(shrink_healthy({&a}, 0)), ElementsAre());
  EXPECT_THAT(named(shrink_healthy({&a}, -3)), ElementsAre());
}

TEST(RolloutMath, ANewSizeIsSpreadInProportion) {
  auto old = a_set("old", 1, 8, 8, 13), fresh = a_set("fresh", 2, 5, 2, 13);
  // 10 -> 20 with a surge of 5: 25 in all, 12 more; 8*25/13 = 15.4, 5*25/13 = 9.6.
  EXPECT_THAT(named(proportional_sizes(rolling(20), {5, 5}, {&fresh, &old})),
              ElementsAre(size("old", 15), size("fresh", 10)));
  EXPECT_THAT(named(proportional_sizes(rolling(5), {2, 1}, {&fresh, &old})),
              ElementsAre(size("old", 4), size("fresh", 3)));
  EXPECT_THAT(named(proportional_sizes(rolling(0), {0, 0}, {&fresh, &old})),
              ElementsAre(size("old", 0), size("fresh", 0)));
}

TEST(RolloutMath, WhatRoundingLeavesGoesToTheLargestOrNewest) {
  auto a = a_set("a", 1, 1, 1, 3), b = a_set("b", 2, 1, 1, 3), c = a_set("c", 3, 1, 1, 3);
  EXPECT_THAT(named(proportional_sizes(rolling(4), {0, 1}, {&a, &b, &c})),
              ElementsAre(size("c", 2), size("b", 1), size("a", 1)));
}

TEST(RolloutMath, WithoutTheAnnotationTheExistingSizeIsTheBase) {
  auto old = a_set("old", 1, 6), fresh = a_set("fresh", 2, 4);
  auto deployment = rolling(20, number(0));
  deployment.mutable_status()->set_replicas(10);
  EXPECT_THAT(named(proportional_sizes(deployment, {0, 1}, {&fresh, &old})),
              ElementsAre(size("old", 12), size("fresh", 8)));
  deployment.mutable_status()->set_replicas(0);
  EXPECT_THAT(named(proportional_sizes(deployment, {0, 1}, {&fresh, &old})),
              ElementsAre(size("old", 16), size("fresh", 4)));
}

TEST(RolloutMath, Saturation) {
  auto fresh = a_set("fresh", 1, 3, 3);
  EXPECT_FALSE(is_saturated(rolling(3), nullptr));
  EXPECT_FALSE(is_saturated(rolling(3), &fresh));
  annotate_size(fresh, 3, 4);
  EXPECT_TRUE(is_saturated(rolling(3), &fresh));
  fresh.mutable_status()->set_available_replicas(2);
  EXPECT_FALSE(is_saturated(rolling(3), &fresh));
}

}  // namespace
}  // namespace gantry::deployment
