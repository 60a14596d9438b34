#include "backoff.hpp"

#include <gtest/gtest.h>

#include "gantry/times.hpp"

namespace gantry::job {
namespace {

constexpr int64_t kNow = 50'000 * kNanosPerSecond;

int64_t ago(int64_t seconds) { return kNow - seconds * kNanosPerSecond; }

void end_container(corev1::ContainerStatus& status, const char* name, int64_t at_ns) {
  status.set_name(name);
  *status.mutable_state()->mutable_terminated()->mutable_finished_at() = to_time(at_ns);
}

TEST(Backoff, DoublesFromTenSecondsToTenMinutes) {
  EXPECT_EQ(Backoff{}.remaining_ms(kNow), 0);
  const int64_t seconds[] = {10, 20, 40, 80, 160, 320, 600, 600};
  for (int32_t i = 0; i < 8; ++i) {
    EXPECT_EQ((Backoff{i + 1, kNow}.remaining_ms(kNow)), seconds[i] * 1000) << i;
  }
  EXPECT_EQ((Backoff{2'000'000'000, kNow}.remaining_ms(kNow)), 600'000);
  EXPECT_EQ((Backoff{1, ago(4)}.remaining_ms(kNow)), 6'000);
  EXPECT_EQ((Backoff{1, ago(10)}.remaining_ms(kNow)), 0);
  EXPECT_EQ((Backoff{1, ago(11)}.remaining_ms(kNow)), 0);
}

TEST(Backoff, AClockThatJumpedBackMakesNobodyWaitLonger) {
  EXPECT_EQ((Backoff{1, ago(-86'400)}.remaining_ms(kNow)), 10'000);
}

TEST(Backoff, CountsFailuresSinceTheLastSuccess) {
  Backoff backoff;
  backoff.count({}, {ago(9), ago(20)});
  EXPECT_EQ(backoff, (Backoff{2, ago(9)}));
  backoff.count({}, {});
  EXPECT_EQ(backoff, (Backoff{2, ago(9)}));
  backoff.count({}, {ago(5)});
  EXPECT_EQ(backoff, (Backoff{3, ago(5)}));
  backoff.count({ago(4)}, {});
  EXPECT_EQ(backoff, Backoff{});
  backoff.count({ago(30), ago(3)}, {ago(2), ago(3), ago(1), ago(40)});
  EXPECT_EQ(backoff, (Backoff{2, ago(1)}));
}

TEST(FinishedAt, IsToldByTheBestWitness) {
  corev1::Pod pod;
  *pod.mutable_metadata()->mutable_creation_timestamp() = to_time(ago(100));
  EXPECT_EQ(finished_at_ns(pod), ago(100));
  *pod.mutable_metadata()->mutable_deletion_timestamp() = to_time(ago(50));
  pod.mutable_metadata()->set_deletion_grace_period_seconds(30);
  EXPECT_EQ(finished_at_ns(pod), ago(80));
  auto& ready = *pod.mutable_status()->add_conditions();
  ready.set_type("Ready");
  ready.set_status("True");
  *ready.mutable_last_transition_time() = to_time(ago(70));
  EXPECT_EQ(finished_at_ns(pod), ago(80));
  ready.set_status("False");
  EXPECT_EQ(finished_at_ns(pod), ago(70));
  end_container(*pod.mutable_status()->add_container_statuses(), "a", ago(61));
  end_container(*pod.mutable_status()->add_container_statuses(), "b", ago(62));
  EXPECT_EQ(finished_at_ns(pod), ago(61));
  // An init container's end is not the pod's, but for one that runs beside the others.
  end_container(*pod.mutable_status()->add_init_container_statuses(), "i", ago(1));
  EXPECT_EQ(finished_at_ns(pod), ago(61));
  auto& beside = *pod.mutable_spec()->add_init_containers();
  beside.set_name("i");
  beside.set_restart_policy("Always");
  EXPECT_EQ(finished_at_ns(pod), ago(1));
  pod.mutable_status()->add_container_statuses()->mutable_state()->mutable_running();
  EXPECT_EQ(finished_at_ns(pod), ago(70));
}

}  // namespace
}  // namespace gantry::job
