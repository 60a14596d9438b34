#include "verdict.hpp"

#include <gtest/gtest.h>

#include "gantry/times.hpp"

namespace gantry::podgc {
namespace {

TEST(PodGcVerdict, ForcedIsDeletedWithoutGrace) {
  corev1::Pod pod;
  EXPECT_FALSE(is_forced(pod));
  pod.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  EXPECT_FALSE(is_forced(pod));
  pod.mutable_metadata()->set_deletion_grace_period_seconds(30);
  EXPECT_FALSE(is_forced(pod));
  pod.mutable_metadata()->set_deletion_grace_period_seconds(0);
  EXPECT_TRUE(is_forced(pod));
}

TEST(PodGcVerdict, OutOfServiceIsTheTaintAndNotReady) {
  corev1::Node node;
  EXPECT_FALSE(is_out_of_service(node));
  auto& taint = *node.mutable_spec()->add_taints();
  taint.set_key("node.kubernetes.io/unreachable");
  EXPECT_FALSE(is_out_of_service(node));
  node.mutable_spec()->add_taints()->set_key("node.kubernetes.io/out-of-service");
  EXPECT_TRUE(is_out_of_service(node));
  auto& ready = *node.mutable_status()->add_conditions();
  ready.set_type("Ready");
  ready.set_status("Unknown");
  EXPECT_TRUE(is_out_of_service(node));
  ready.set_status("True");
  EXPECT_FALSE(is_out_of_service(node));
}

TEST(PodGcVerdict, MarksWhatIsNotOver) {
  corev1::Pod pod;
  pod.mutable_metadata()->set_generation(3);
  pod.mutable_status()->set_phase("Running");
  auto other = pod;
  EXPECT_TRUE(mark_failed(pod, false, kNanosPerSecond));
  EXPECT_EQ(pod.status().phase(), "Failed");
  EXPECT_EQ(pod.status().conditions_size(), 0);
  EXPECT_FALSE(mark_failed(pod, true, kNanosPerSecond));
  EXPECT_EQ(pod.status().conditions_size(), 0) << "it is over";
  EXPECT_TRUE(mark_failed(other, true, 5 * kNanosPerSecond));
  ASSERT_EQ(other.status().conditions_size(), 1);
  const auto& condition = other.status().conditions(0);
  EXPECT_EQ(condition.type() + " " + condition.status() + " " + condition.reason() + " " + condition.message(),
            "DisruptionTarget True DeletionByPodGC PodGC: node no longer exists");
  EXPECT_EQ(condition.last_transition_time().seconds(), 5);
  EXPECT_EQ(condition.observed_generation(), 3);
}

}  // namespace
}  // namespace gantry::podgc
