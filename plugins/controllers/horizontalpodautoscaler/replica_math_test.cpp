#include "replica_math.hpp"

#include <gtest/gtest.h>

namespace gantry::autoscaler {
namespace {

using State = PodUse::State;

std::vector<PodUse> measured(const std::vector<int64_t>& used, int64_t requested = 1'000) {
  std::vector<PodUse> out;
  for (const auto use : used) out.push_back({State::kMeasured, use, requested});
  return out;
}
std::vector<PodUse> with(std::vector<PodUse> pods, State state, size_t count) {
  for (size_t i = 0; i < count; ++i) pods.push_back({state, 0, 1'000});
  return pods;
}
int32_t replicas(const std::vector<PodUse>& pods, int32_t now, int32_t percent) {
  const auto proposal = for_utilization(pods, now, percent, {});
  return proposal ? proposal->replicas : -1;
}

TEST(ReplicaMath, UtilizationOfTheRequests) {
  const auto proposal = for_utilization(measured({300, 500, 700}), 3, 30, {});
  ASSERT_TRUE(proposal);
  EXPECT_EQ(proposal->replicas, 5);
  EXPECT_EQ(*proposal->utilization, 50);
  EXPECT_EQ(proposal->average, 500);
  EXPECT_EQ(replicas(measured({100, 200}), 2, 60), 1);
}

TEST(ReplicaMath, WithinTheToleranceNothingChanges) {
  EXPECT_EQ(replicas(measured({550, 550}), 2, 50), 2);
  EXPECT_EQ(replicas(measured({560, 560}), 2, 50), 3);
  EXPECT_EQ(replicas(measured({450, 450, 450, 450}), 4, 50), 4);
  const Tolerance wide{.down = 0.1, .up = 0.5};
  EXPECT_EQ(for_utilization(measured({700, 700}), 2, 50, wide)->replicas, 2);
  EXPECT_EQ(for_utilization(measured({100, 100}), 2, 50, wide)->replicas, 1);
}

TEST(ReplicaMath, AmountsAPod) {
  const auto proposal = for_average(measured({300, 500, 701}), 3, 250, {});
  ASSERT_TRUE(proposal);
  EXPECT_EQ(proposal->replicas, 6);
  EXPECT_EQ(proposal->average, 500);
  EXPECT_FALSE(proposal->utilization);
}

TEST(ReplicaMath, WhoHasNoMeasurementDampens) {
  // Growing: they use nothing. (3 x 90 %) over 4 pods is 67 %.
  EXPECT_EQ(replicas(with(measured({900, 900, 900}), State::kMissing, 1), 4, 50), 6);
  // Shrinking: they use all that they requested.
  EXPECT_EQ(replicas(with(measured({100, 100, 100}), State::kMissing, 1), 4, 50), 3);
  EXPECT_EQ(replicas(with(measured({400, 400}), State::kMissing, 2), 4, 50), 4);
  // Or what is wanted of them, if that is more.
  EXPECT_EQ(replicas(with(measured({100}), State::kMissing, 1), 2, 200), 2);
  EXPECT_EQ(for_average(with(measured({100}), State::kMissing, 3), 4, 400, {})->replicas, 4);
}

TEST(ReplicaMath, WhoIsNotReadyDampensGrowthAlone) {
  EXPECT_EQ(replicas(with(measured({900, 900}), State::kUnready, 1), 3, 30), 6);
  EXPECT_EQ(replicas(with(measured({900}), State::kUnready, 3), 4, 50), 4);  // it would turn the direction
  EXPECT_EQ(replicas(with(measured({100, 100}), State::kUnready, 2), 4, 50), 1);
}

TEST(ReplicaMath, WhoGoesCountsForNothing) {
  EXPECT_EQ(replicas(with(measured({500, 500}), State::kIgnored, 3), 2, 50), 2);
}

TEST(ReplicaMath, NothingToJudgeBy) {
  EXPECT_EQ(for_utilization({}, 1, 50, {}).error().message(),
            "no pods returned by selector while calculating replica count");
  EXPECT_EQ(for_utilization(with({}, State::kMissing, 2), 2, 50, {}).error().message(),
            "did not receive metrics for targeted pods (pods might be unready)");
  EXPECT_EQ(for_utilization(measured({100}, 0), 1, 50, {}).error().message(), "no metrics returned matched known pods");
}

TEST(ReplicaMath, NumbersThatNobodyHas) {
  const auto most = for_average(measured({INT64_MAX / 2, INT64_MAX / 2}), 2, 1, {});
  ASSERT_TRUE(most);
  EXPECT_EQ(most->replicas, INT32_MAX);
  EXPECT_EQ(*for_utilization(measured({INT64_MAX / 2}, 1), 1, 1, {})->utilization, INT32_MAX);
}

}  // namespace
}  // namespace gantry::autoscaler
