#include "status.hpp"

#include <gtest/gtest.h>

#include "gantry/times.hpp"

namespace gantry::replicaset {
namespace {

constexpr int64_t kNow = 5'000 * kNanosPerSecond;

corev1::Pod pod(const std::string& ready, int64_t seconds_ago, bool labeled = true) {
  corev1::Pod pod;
  if (labeled) (*pod.mutable_metadata()->mutable_labels())["app"] = "web";
  auto& condition = *pod.mutable_status()->add_conditions();
  condition.set_type("Ready");
  condition.set_status(ready);
  *condition.mutable_last_transition_time() = to_time(kNow - seconds_ago * kNanosPerSecond);
  return pod;
}

appsv1::ReplicaSet set_of(int32_t replicas, int32_t min_ready = 0) {
  appsv1::ReplicaSet set;
  set.mutable_metadata()->set_generation(4);
  set.mutable_spec()->set_replicas(replicas);
  set.mutable_spec()->set_min_ready_seconds(min_ready);
  (*set.mutable_spec()->mutable_template_()->mutable_metadata()->mutable_labels())["app"] = "web";
  return set;
}

TEST(ReplicaSetStatus, CountsPods) {
  const std::vector<corev1::Pod> pods{pod("True", 100), pod("True", 5), pod("False", 100), pod("True", 100, false)};
  const auto status = next_status(set_of(4, 10), {pods, 2, {}, kNow});
  EXPECT_EQ(status.replicas(), 4);
  EXPECT_EQ(status.ready_replicas(), 3);
  EXPECT_EQ(status.available_replicas(), 2);
  EXPECT_EQ(status.fully_labeled_replicas(), 3);
  EXPECT_EQ(status.terminating_replicas(), 2);
  EXPECT_EQ(status.observed_generation(), 4);
  EXPECT_EQ(status.conditions_size(), 0);
}

TEST(ReplicaSetStatus, AvailableFromTheSecondOn) {
  EXPECT_EQ(next_status(set_of(1, 10), {{pod("True", 10)}, 0, {}, kNow}).available_replicas(), 1);
  EXPECT_EQ(next_status(set_of(1, 10), {{pod("True", 9)}, 0, {}, kNow}).available_replicas(), 0);
}

TEST(ReplicaSetStatus, FailureAppearsStaysAndGoes) {
  auto set = set_of(2);
  auto failed = next_status(set, {{}, 0, Status::forbidden("quota exceeded"), kNow});
  ASSERT_EQ(failed.conditions_size(), 1);
  EXPECT_EQ(failed.conditions(0).type(), "ReplicaFailure");
  EXPECT_EQ(failed.conditions(0).status(), "True");
  EXPECT_EQ(failed.conditions(0).reason(), "FailedCreate");
  EXPECT_EQ(failed.conditions(0).message(), "quota exceeded");
  *set.mutable_status() = failed;
  const auto again = next_status(set, {{}, 0, Status::forbidden("another"), kNow + kNanosPerSecond});
  EXPECT_TRUE(same_status(failed, again));
  EXPECT_EQ(next_status(set, {{}, 0, {}, kNow}).conditions_size(), 0);
  const std::vector<corev1::Pod> three{pod("True", 1), pod("True", 1), pod("True", 1)};
  EXPECT_EQ(next_status(set_of(2), {three, 0, Status::internal("x"), kNow}).conditions(0).reason(), "FailedDelete");
}

TEST(ReplicaSetStatus, AbsentAndZeroAreTheSame) {
  appsv1::ReplicaSetStatus stored, computed;
  stored.set_replicas(0);
  stored.set_terminating_replicas(0);
  computed.set_terminating_replicas(0);
  computed.set_ready_replicas(0);
  computed.set_observed_generation(0);
  EXPECT_TRUE(same_status(stored, computed));
  computed.set_ready_replicas(1);
  EXPECT_FALSE(same_status(stored, computed));
}

}  // namespace
}  // namespace gantry::replicaset
