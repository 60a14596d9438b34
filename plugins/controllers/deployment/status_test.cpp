#include "status.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "gantry/times.hpp"

namespace gantry::deployment {
namespace {

constexpr int64_t kNow = 10'000 * kNanosPerSecond;

struct DeploymentStatusTest : testing::Test {
  DeploymentStatusTest() {
    deployment.mutable_metadata()->set_name("web");
    deployment.mutable_metadata()->set_generation(3);
    deployment.mutable_spec()->set_replicas(4);
    deployment.mutable_spec()->set_progress_deadline_seconds(60);
    fresh.mutable_metadata()->set_name("web-new");
    old.mutable_metadata()->set_name("web-old");
  }
  static void count(ReplicaSet& set, int32_t wanted, int32_t existing, int32_t available) {
    set.mutable_spec()->set_replicas(wanted);
    set.mutable_status()->set_replicas(existing);
    set.mutable_status()->set_ready_replicas(available);
    set.mutable_status()->set_available_replicas(available);
  }
  DeploymentStatus next(int64_t after_seconds = 0) {
    return rollout_status(deployment, {1, 1}, {&old, &fresh}, &fresh, kNow + after_seconds * kNanosPerSecond);
  }
  static std::string text(const DeploymentStatus& status, const char* type) {
    const auto* condition = sdk::find_condition(status.conditions(), type);
    return condition == nullptr ? "(none)"
                                : condition->status() + " " + condition->reason() + ": " + condition->message();
  }
  Deployment deployment;
  ReplicaSet old, fresh;
};

TEST_F(DeploymentStatusTest, Counts) {
  count(old, 2, 3, 3);
  count(fresh, 3, 3, 1);
  deployment.mutable_status()->set_collision_count(2);
  auto status = next();
  EXPECT_EQ(status.observed_generation(), 3);
  EXPECT_EQ(status.replicas(), 6);
  EXPECT_EQ(status.updated_replicas(), 3);
  EXPECT_EQ(status.ready_replicas(), 4);
  EXPECT_EQ(status.available_replicas(), 4);
  EXPECT_EQ(status.unavailable_replicas(), 1);
  EXPECT_EQ(status.collision_count(), 2);
  EXPECT_FALSE(status.has_terminating_replicas());
  old.mutable_status()->set_terminating_replicas(1);
  fresh.mutable_status()->set_terminating_replicas(0);
  EXPECT_EQ(next().terminating_replicas(), 1);
  count(old, 0, 3, 3);
  EXPECT_EQ(next().unavailable_replicas(), 0);
}

TEST_F(DeploymentStatusTest, AvailabilityAllowsWhatMayBeMissing) {
  count(fresh, 4, 4, 3);
  EXPECT_EQ(text(next(), kAvailable), "True MinimumReplicasAvailable: Deployment has minimum availability.");
  count(fresh, 4, 4, 2);
  EXPECT_EQ(text(next(), kAvailable),
            "False MinimumReplicasUnavailable: Deployment does not have minimum availability.");
}

TEST_F(DeploymentStatusTest, ProgressThenCompletion) {
  count(fresh, 4, 2, 1);
  *deployment.mutable_status() = next();
  EXPECT_EQ(text(deployment.status(), kProgressing), "True ReplicaSetUpdated: ReplicaSet \"web-new\" is progressing.");
  count(fresh, 4, 4, 2);
  const auto later = next(10);
  const auto* condition = sdk::find_condition(later.conditions(), kProgressing);
  EXPECT_EQ(condition->last_update_time().seconds(), 10'010);
  EXPECT_EQ(condition->last_transition_time().seconds(), 10'000);
  *deployment.mutable_status() = later;
  EXPECT_TRUE(same_status(later, next(20)));  // nothing moved: nothing is written
  count(fresh, 4, 4, 4);
  *deployment.mutable_status() = next(30);
  EXPECT_EQ(text(deployment.status(), kProgressing),
            "True NewReplicaSetAvailable: ReplicaSet \"web-new\" has successfully progressed.");
  // A pod lost later is no failed rollout.
  count(fresh, 4, 3, 3);
  *deployment.mutable_status() = next(5'000);
  EXPECT_EQ(text(deployment.status(), kProgressing),
            "True NewReplicaSetAvailable: ReplicaSet \"web-new\" has successfully progressed.");
  EXPECT_EQ(next_progress_check_ms(deployment, kNow + 5'000 * kNanosPerSecond), 0) << "and nobody waits for it";
}

TEST_F(DeploymentStatusTest, TheDeadlinePasses) {
  count(fresh, 4, 4, 0);
  *deployment.mutable_status() = next();
  EXPECT_EQ(next_progress_check_ms(deployment, kNow), 60'010);
  EXPECT_EQ(next_progress_check_ms(deployment, kNow + 59 * kNanosPerSecond), 1'010);
  EXPECT_EQ(next_progress_check_ms(deployment, kNow + 99 * kNanosPerSecond), 10);
  EXPECT_TRUE(same_status(deployment.status(), next(60)));
  *deployment.mutable_status() = next(61);
  EXPECT_EQ(text(deployment.status(), kProgressing),
            "False ProgressDeadlineExceeded: ReplicaSet \"web-new\" has timed out progressing.");
  EXPECT_EQ(next_progress_check_ms(deployment, kNow + 61 * kNanosPerSecond), 0);
  EXPECT_TRUE(same_status(deployment.status(), next(70)));
  count(fresh, 4, 4, 1);
  EXPECT_EQ(text(next(80), kProgressing), "True ReplicaSetUpdated: ReplicaSet \"web-new\" is progressing.");
}

TEST_F(DeploymentStatusTest, WithoutADeadlineThereIsNoProgressing) {
  count(fresh, 4, 2, 1);
  *deployment.mutable_status() = next();
  deployment.mutable_spec()->set_progress_deadline_seconds(std::numeric_limits<int32_t>::max());
  EXPECT_EQ(text(next(), kProgressing), "(none)");
  EXPECT_EQ(next_progress_check_ms(deployment, kNow), 0);
}

TEST_F(DeploymentStatusTest, FailuresOfSetsShowTheNewOnesFirst) {
  const auto fail = [](ReplicaSet& set, const char* message) {
    auto& condition = *set.mutable_status()->add_conditions();
    condition.set_type(kReplicaFailure);
    condition.set_status("True");
    condition.set_reason("FailedCreate");
    condition.set_message(message);
    condition.mutable_last_transition_time()->set_seconds(77);
  };
  fail(old, "old quota");
  EXPECT_EQ(text(next(), kReplicaFailure), "True FailedCreate: old quota");
  fail(fresh, "new quota");
  EXPECT_EQ(text(next(), kReplicaFailure), "True FailedCreate: new quota");
  EXPECT_EQ(sdk::find_condition(next().conditions(), kReplicaFailure)->last_transition_time().seconds(), 77);
  *deployment.mutable_status() = next();
  old.mutable_status()->clear_conditions();
  fresh.mutable_status()->clear_conditions();
  EXPECT_EQ(text(next(), kReplicaFailure), "(none)");
}

}  // namespace
}  // namespace gantry::deployment
