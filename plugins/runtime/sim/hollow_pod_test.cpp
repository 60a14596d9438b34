#include "hollow_pod.hpp"

#include <gtest/gtest.h>

#include "pod_status.hpp"
#include "testing.hpp"

namespace gantry::sim {
namespace {

using testing::annotate;
using testing::kNow;
using testing::make_pod;
using testing::mark_deleted;

// A pod and its kubelet, with the clock in the test's hand.
struct Life {
  explicit Life(corev1::Pod given, Timing timing = {}, int64_t seed = 1)
      : pod(std::move(given)), behaviour(behaviour_of(pod, timing)), hollow(pod, behaviour, seed, kNow) {
    at(0);
  }
  const corev1::PodStatus& at(int64_t ms) {
    now = kNow + ms * kMilli;
    hollow.advance(pod, behaviour, now);
    const std::string host = "198.18.0.1", ip = "100.64.0.2";
    *pod.mutable_status() = build_status({pod, hollow, behaviour.ready, host, ip, now});
    return pod.status();
  }
  // Milliseconds until it wants to be looked at again; -1: never.
  int64_t wants() const {
    const auto due = hollow.next_due(now);
    return due ? (*due - kNow) / kMilli : -1;
  }
  corev1::Pod pod;
  Behaviour behaviour;
  HollowPod hollow;
  int64_t now = kNow;
};

std::string condition(const corev1::PodStatus& status, const std::string& type) {
  for (const auto& one : status.conditions()) {
    if (one.type() == type) return one.status();
  }
  return "";
}

TEST(HollowPod, WithoutLatenciesItRunsAtOnce) {
  Life life(make_pod("Always", 2));
  const auto& status = life.pod.status();
  EXPECT_EQ(status.phase(), "Running");
  EXPECT_EQ(status.pod_ip(), "100.64.0.2");
  EXPECT_EQ(status.start_time().seconds(), kNow / kSecond);
  for (const char* type : {"PodScheduled", "Initialized", "ContainersReady", "Ready"})
    EXPECT_EQ(condition(status, type), "True");
  ASSERT_EQ(status.container_statuses_size(), 2);
  EXPECT_TRUE(status.container_statuses(1).ready());
  EXPECT_TRUE(status.container_statuses(1).state().has_running());
  EXPECT_EQ(status.container_statuses(1).container_id().substr(0, 6), "sim://");
  EXPECT_NE(status.container_statuses(0).container_id(), status.container_statuses(1).container_id());
  EXPECT_EQ(life.wants(), -1);
}

TEST(HollowPod, LatenciesComeOneAfterTheOther) {
  Life life(make_pod(), {.pull = 300 * kMilli, .start = 200 * kMilli, .ready = 1'000 * kMilli});
  EXPECT_EQ(life.pod.status().phase(), "Pending");
  EXPECT_EQ(life.pod.status().container_statuses(0).state().waiting().reason(), "ContainerCreating");
  EXPECT_EQ(life.wants(), 500);
  EXPECT_EQ(life.at(499).phase(), "Pending");
  EXPECT_EQ(life.at(500).phase(), "Running");
  EXPECT_EQ(condition(life.pod.status(), "Ready"), "False");
  EXPECT_EQ(life.wants(), 1'500);
  EXPECT_FALSE(life.hollow.is_due(kNow + 1'499 * kMilli));
  EXPECT_TRUE(life.hollow.is_due(kNow + 1'500 * kMilli));
  EXPECT_EQ(condition(life.at(1'500), "Ready"), "True");
  EXPECT_EQ(life.wants(), -1);
}

TEST(HollowPod, InitContainersRunInOrder) {
  auto pod = make_pod("Never", 1, 2);
  annotate(pod, "init-run-for", "2s");
  pod.mutable_spec()->mutable_init_containers(1)->set_restart_policy("Always");  // a sidecar
  Life life(pod);
  EXPECT_EQ(life.pod.status().phase(), "Pending");
  EXPECT_TRUE(life.pod.status().init_container_statuses(0).state().has_running());
  EXPECT_EQ(life.pod.status().init_container_statuses(1).state().waiting().reason(), "PodInitializing");
  EXPECT_EQ(condition(life.pod.status(), "Initialized"), "False");
  const auto& status = life.at(2'000);
  EXPECT_EQ(status.phase(), "Running");
  EXPECT_EQ(status.init_container_statuses(0).state().terminated().reason(), "Completed");
  EXPECT_TRUE(status.init_container_statuses(0).ready());
  EXPECT_TRUE(status.init_container_statuses(1).state().has_running());
  EXPECT_EQ(condition(status, "Initialized"), "True");
}

TEST(HollowPod, AnInitContainerThatFailsForGoodFailsThePod) {
  auto pod = make_pod("Never", 1, 1);
  annotate(pod, "init-exit-code", "3");
  Life life(pod);
  EXPECT_EQ(life.pod.status().phase(), "Failed");
  EXPECT_EQ(life.pod.status().init_container_statuses(0).state().terminated().exit_code(), 3);
  EXPECT_EQ(life.wants(), -1);
}

TEST(HollowPod, RunsToCompletion) {
  auto pod = make_pod("OnFailure");
  annotate(pod, "run-for", "5s");
  Life life(pod);
  EXPECT_EQ(life.wants(), 5'000);
  EXPECT_EQ(life.at(5'000).phase(), "Succeeded");
  EXPECT_EQ(life.pod.status().container_statuses(0).state().terminated().exit_code(), 0);
  EXPECT_EQ(condition(life.pod.status(), "Ready"), "False");
  EXPECT_TRUE(life.hollow.over());
  annotate(pod = make_pod("Never"), "run-for", "5s");
  annotate(pod, "exit-code", "7");
  Life failing(pod);
  EXPECT_EQ(failing.at(5'000).phase(), "Failed");
  EXPECT_EQ(failing.pod.status().container_statuses(0).state().terminated().exit_code(), 7);
}

TEST(HollowPod, RestartsBackOffAsUpstreamDoes) {
  auto pod = make_pod("Always");
  annotate(pod, "run-for", "1s");
  annotate(pod, "exit-code", "1");
  Life life(pod);
  // Ends at 1 s and starts at once; ends at 2 s and waits 10 s; then 20 s.
  EXPECT_EQ(life.at(1'000).container_statuses(0).restart_count(), 1);
  EXPECT_TRUE(life.pod.status().container_statuses(0).state().has_running());
  const auto& waiting = life.at(2'000).container_statuses(0);
  EXPECT_EQ(waiting.state().waiting().reason(), "CrashLoopBackOff");
  EXPECT_EQ(waiting.state().waiting().message(), "back-off 10s restarting failed container=main0 pod=web_shop(uid-1)");
  EXPECT_EQ(waiting.last_state().terminated().exit_code(), 1);
  EXPECT_EQ(life.pod.status().phase(), "Running");
  EXPECT_EQ(life.wants(), 12'000);
  EXPECT_EQ(life.at(12'000).container_statuses(0).restart_count(), 2);
  life.at(13'000);
  EXPECT_EQ(life.wants(), 33'000);
}

TEST(HollowPod, ALongRunForgetsTheBackOff) {
  auto pod = make_pod("Always");
  annotate(pod, "run-for", "700s");
  Life life(pod);
  life.at(700'000);
  EXPECT_EQ(life.pod.status().container_statuses(0).restart_count(), 1);
  life.at(1'400'000);
  EXPECT_EQ(life.pod.status().container_statuses(0).restart_count(), 2);
  EXPECT_TRUE(life.pod.status().container_statuses(0).state().has_running());
}

TEST(HollowPod, ChanceDependsOnTheSeedAndTheNameAlone) {
  const Timing timing{.fail_after = kSecond, .fail_rate = 0.5};
  std::string first, again, other;
  for (int i = 0; i < 64; ++i) {
    auto pod = make_pod("Never");
    pod.mutable_metadata()->set_name("web-" + std::to_string(i));
    first += Life(pod, timing).at(1'000).phase()[0];
    pod.mutable_metadata()->set_uid("another");
    again += Life(pod, timing).at(1'000).phase()[0];
    other += Life(pod, timing, 2).at(1'000).phase()[0];
  }
  EXPECT_EQ(first, again);
  EXPECT_NE(first, other);
  const auto failed = std::count(first.begin(), first.end(), 'F');
  EXPECT_GT(failed, 16);
  EXPECT_LT(failed, 48);
}

TEST(HollowPod, DeletionTakesItsLatencyButNotMoreThanTheGrace) {
  auto pod = make_pod();
  annotate(pod, "stop-latency", "2s");
  Life life(pod);
  mark_deleted(life.pod, 30);
  EXPECT_EQ(life.at(1'000).phase(), "Running");
  EXPECT_EQ(life.wants(), 3'000);
  const auto& stopped = life.at(3'000);
  EXPECT_TRUE(life.hollow.over());
  EXPECT_EQ(stopped.container_statuses(0).state().terminated().exit_code(), 0);
  Life hurried(pod);
  mark_deleted(hurried.pod, 1);
  hurried.at(1'000);
  EXPECT_EQ(hurried.wants(), 2'000);
}

TEST(HollowPod, WorkThatIsInterruptedIsNoSuccess) {
  auto pod = make_pod("Never");
  annotate(pod, "run-for", "1h");
  Life life(pod);
  mark_deleted(life.pod, 30);
  EXPECT_EQ(life.at(1'000).phase(), "Failed");
  EXPECT_EQ(life.pod.status().container_statuses(0).state().terminated().exit_code(), 143);
}

TEST(HollowPod, TheDeadlineFailsThePod) {
  auto pod = make_pod();
  pod.mutable_spec()->set_active_deadline_seconds(3);
  Life life(pod);
  EXPECT_EQ(life.wants(), 3'000);
  EXPECT_EQ(life.at(3'000).phase(), "Failed");
  EXPECT_EQ(life.pod.status().reason(), "DeadlineExceeded");
}

TEST(HollowPod, GoesOnAfterARestartOfTheDaemon) {
  auto pod = make_pod("Always");
  annotate(pod, "run-for", "1s");
  Life life(pod);
  life.at(1'000);
  life.at(2'000);  // waits 10 s
  HollowPod anew(life.pod, life.behaviour, 1, kNow + 3'000 * kMilli);
  EXPECT_EQ(anew.containers()[0].run.attempt, 1);
  EXPECT_TRUE(anew.containers()[0].backing_off);
  EXPECT_EQ(*anew.next_due(kNow + 3'000 * kMilli), kNow + 12'000 * kMilli);
  Life running(make_pod());
  HollowPod kept(running.pod, running.behaviour, 1, kNow + kSecond);
  EXPECT_TRUE(kept.containers()[0].running());
  EXPECT_TRUE(kept.initialized());
  const std::string host = "198.18.0.1", ip = "100.64.0.2";
  EXPECT_TRUE(same_status(build_status({running.pod, kept, true, host, ip, kNow + kSecond}), running.pod.status()));
}

TEST(HollowPod, ReadinessFollowsTheAnnotationAndTheGates) {
  Life life(make_pod());
  life.behaviour.ready = false;
  EXPECT_EQ(condition(life.at(1'000), "Ready"), "False");
  EXPECT_FALSE(life.pod.status().container_statuses(0).ready());
  life.behaviour.ready = true;
  life.pod.mutable_spec()->add_readiness_gates()->set_condition_type("example.com/lb");
  EXPECT_EQ(condition(life.at(2'000), "Ready"), "False");
  auto& gate = *life.pod.mutable_status()->add_conditions();
  gate.set_type("example.com/lb");
  gate.set_status("True");
  EXPECT_EQ(condition(life.at(3'000), "Ready"), "True");
  EXPECT_EQ(condition(life.pod.status(), "example.com/lb"), "True");
}

TEST(Durations, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(parse_duration("5s"), 5 * kSecond);
  EXPECT_EQ(parse_duration("1m30s"), 90 * kSecond);
  EXPECT_EQ(parse_duration("1.5h"), 5'400 * kSecond);
  EXPECT_EQ(parse_duration("250ms"), 250 * kMilli);
  EXPECT_EQ(parse_duration("0"), 0);
  for (const char* wrong : {"", "5", "s", "-1s", "5 s", "1e9h", "5x"}) EXPECT_FALSE(parse_duration(wrong)) << wrong;
  EXPECT_EQ(parse_share("5%"), 0.05);
  EXPECT_EQ(parse_share("0.25"), 0.25);
  for (const char* wrong : {"", "2", "120%", "x", "-0.1"}) EXPECT_FALSE(parse_share(wrong)) << wrong;
}

}  // namespace
}  // namespace gantry::sim
