#include "gantry/pods.hpp"

#include <gtest/gtest.h>

namespace gantry::sdk {
namespace {

constexpr int64_t kToday = 5'000 * kNanosPerSecond;
constexpr int64_t kMostInt64 = std::numeric_limits<int64_t>::max(), kLeastInt64 = std::numeric_limits<int64_t>::min();
constexpr int32_t kLongest = std::numeric_limits<int32_t>::max();

corev1::Pod pod(const std::string& ready, int64_t since_seconds) {
  corev1::Pod pod;
  pod.mutable_status()->add_conditions()->set_type("PodScheduled");
  auto& condition = *pod.mutable_status()->add_conditions();
  condition.set_type("Ready");
  condition.set_status(ready);
  condition.mutable_last_transition_time()->set_seconds(since_seconds);
  return pod;
}

TEST(Pods, AreActiveUntilTheyAreOverOrGo) {
  corev1::Pod pod;
  EXPECT_TRUE(is_active(pod));
  pod.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  EXPECT_FALSE(is_active(pod));
  EXPECT_TRUE(is_terminating(pod));
  pod.mutable_status()->set_phase("Succeeded");
  EXPECT_FALSE(is_terminating(pod));
  pod.mutable_metadata()->clear_deletion_timestamp();
  EXPECT_FALSE(is_active(pod));
  pod.mutable_status()->set_phase("Failed");
  EXPECT_TRUE(is_finished(pod));
  pod.mutable_status()->set_phase("Unknown");
  EXPECT_FALSE(is_finished(pod));
}

TEST(Pods, AreReadyWhenTheySaySo) {
  EXPECT_TRUE(is_ready(pod("True", 1)));
  EXPECT_FALSE(is_ready(pod("False", 1)));
  EXPECT_FALSE(is_ready(pod("Unknown", 1)));
  EXPECT_FALSE(is_ready({}));
  EXPECT_EQ(ready_since_ns(pod("False", 7)), 7 * kNanosPerSecond);
  EXPECT_FALSE(ready_since_ns({}));
}

TEST(Pods, AreAvailableFromTheSecondOn) {
  EXPECT_TRUE(is_available(pod("True", 4'990), 10, kToday));
  EXPECT_FALSE(is_available(pod("True", 4'990), 10, kToday - 1));
  EXPECT_FALSE(is_available(pod("True", 4'991), 10, kToday));
  EXPECT_FALSE(is_available(pod("False", 1), 10, kToday));
  EXPECT_TRUE(is_available(pod("True", 9'999), 0, kToday)) << "at once, whatever the clocks say";
  auto timeless = pod("True", 1);
  timeless.mutable_status()->mutable_conditions(1)->clear_last_transition_time();
  EXPECT_TRUE(is_available(timeless, 0, kToday));
  EXPECT_FALSE(is_available(timeless, 1, kToday));
}

TEST(Pods, TheNextAvailabilityIsTheSoonestAndRoundedUp) {
  EXPECT_EQ(next_availability_ms({}, 10, kToday), 0);
  EXPECT_EQ(next_availability_ms({pod("True", 4'900), pod("False", 4'999)}, 10, kToday), 0);
  EXPECT_EQ(next_availability_ms({pod("True", 4'998), pod("True", 4'993)}, 10, kToday), 3'000);
  EXPECT_EQ(next_availability_ms({pod("True", 4'998)}, 10, kToday + 1), 8'000);
  EXPECT_EQ(next_availability_ms({pod("True", 4'998)}, 10, kToday + kNanosPerMilli), 7'999);
}

// The API takes years from 1 to 9999.
TEST(Pods, TimesBeyondWhatNanosecondsHold) {
  constexpr int64_t kYear9999 = 253'402'300'799, kYear1 = -62'135'596'800;
  EXPECT_FALSE(is_available(pod("True", kYear9999), kLongest, kToday));
  EXPECT_TRUE(is_available(pod("True", kYear1), kLongest, kToday));
  EXPECT_EQ(next_availability_ms({pod("True", kYear9999)}, kLongest, kToday),
            (kMostInt64 - kToday) / kNanosPerMilli + 1);
  EXPECT_EQ(next_availability_ms({pod("True", kYear9999)}, 1, kLeastInt64), kMostInt64 / kNanosPerMilli + 1);
}

TEST(Times, EndAtWhatTheyHold) {
  metav1::Time time;
  time.set_seconds(kMostInt64 / kNanosPerSecond);
  time.set_nanos(999'999'999);
  EXPECT_EQ(to_ns(time), kMostInt64);
  time.set_seconds(kLeastInt64);
  EXPECT_EQ(to_ns(time), kLeastInt64);
  time.set_seconds(1);
  time.set_nanos(5);
  EXPECT_EQ(to_ns(time), 1'000'000'005);
  EXPECT_EQ(later(kMostInt64, 1), kMostInt64);
  EXPECT_EQ(later(kLeastInt64, -1), kLeastInt64);
  EXPECT_EQ(later(3, -5), -2);
  EXPECT_EQ(between(3, 5), 2);
  EXPECT_EQ(between(kLeastInt64, kMostInt64), kMostInt64);
  EXPECT_EQ(between(kMostInt64, kLeastInt64), kLeastInt64);
  EXPECT_EQ(until_ms(kToday, kToday), 0);
  EXPECT_EQ(until_ms(kToday - 1, kToday), 0);
  EXPECT_EQ(until_ms(kToday + 1, kToday), 1);
  EXPECT_EQ(to_time(3 * kNanosPerSecond + 7).seconds(), 3);
}

}  // namespace
}  // namespace gantry::sdk
