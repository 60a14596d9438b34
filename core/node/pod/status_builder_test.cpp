#include "core/node/pod/status_builder.hpp"

#include <gtest/gtest.h>

#include "core/node/agent_testing.hpp"
#include "gantry/times.hpp"

namespace gantry::node {
namespace {

using testing::add_init;
using testing::make_pod;
using testing::ViewMaker;

constexpr int64_t kNow = 2'000'000'000'000;

struct Said {
  corev1::Pod pod = make_pod("p");
  ViewMaker view;
  corev1::PodStatus old;
  StatusInput input;

  corev1::PodStatus status() {
    input.pod = &pod;
    input.old = &old;
    input.view = &view.view;
    if (!input.probe) input.probe = [](const std::string&) { return ProbeState{true, true, false, ""}; };
    input.runtime_name = "oci";
    input.host_ips = {"192.0.2.1"};
    input.now_unix_ns = kNow;
    return build_status(input);
  }
};

std::string condition(const corev1::PodStatus& status, const std::string& type) {
  for (const auto& c : status.conditions()) {
    if (c.type() == type) return c.status() + (c.reason().empty() ? "" : " " + c.reason());
  }
  return "none";
}

TEST(StatusBuilder, ANewPodIsPendingAndItsContainersAreCreating) {
  Said said;
  const auto status = said.status();
  EXPECT_EQ(status.phase(), "Pending");
  ASSERT_EQ(status.container_statuses_size(), 1);
  const auto& container = status.container_statuses(0);
  EXPECT_EQ(container.state().waiting().reason(), "ContainerCreating");
  EXPECT_FALSE(container.ready());
  EXPECT_TRUE(container.has_started() && !container.started());
  EXPECT_EQ(status.host_ip(), "192.0.2.1");
  EXPECT_EQ(status.qos_class(), "BestEffort");
  EXPECT_EQ(status.observed_generation(), 1);
  EXPECT_EQ(to_ns(status.start_time()), kNow);
  EXPECT_EQ(condition(status, "PodReadyToStartContainers"), "False");
  EXPECT_EQ(condition(status, "Initialized"), "True");
  EXPECT_EQ(condition(status, "Ready"), "False ContainersNotReady");
  EXPECT_EQ(condition(status, "ContainersReady"), "False ContainersNotReady");
  EXPECT_EQ(condition(status, "PodScheduled"), "True");
}

TEST(StatusBuilder, ARunningPodIsReadyWithAddressesAndIds) {
  Said said;
  said.view.sandbox("s").running(said.pod.spec().containers(0));
  said.input.pod_ips = {"10.42.0.2"};
  const auto status = said.status();
  EXPECT_EQ(status.phase(), "Running");
  EXPECT_EQ(status.pod_ip(), "10.42.0.2");
  ASSERT_EQ(status.pod_ips_size(), 1);
  const auto& container = status.container_statuses(0);
  EXPECT_TRUE(container.ready() && container.started());
  EXPECT_EQ(container.container_id(), "oci://c-0");
  EXPECT_EQ(container.image_id(), "sha256:abc");
  EXPECT_EQ(container.image(), "busybox:1");
  EXPECT_EQ(container.state().running().started_at().seconds(), 1'000);
  EXPECT_EQ(condition(status, "Ready"), "True");
  EXPECT_EQ(condition(status, "PodReadyToStartContainers"), "True");
}

TEST(StatusBuilder, TheSameInputGivesTheSameStatusAndKeepsTransitionTimes) {
  Said said;
  said.view.sandbox("s").running(said.pod.spec().containers(0));
  said.input.pod_ips = {"10.42.0.2"};
  said.old = said.status();
  for (auto& c : *said.old.mutable_conditions()) *c.mutable_last_transition_time() = to_time(5'000'000'000);
  *said.old.mutable_start_time() = to_time(4'000'000'000);
  const auto again = said.status();
  EXPECT_TRUE(same_status(again, said.old));
  said.input.probe = [](const std::string&) { return ProbeState{true, false, false, ""}; };
  const auto unready = said.status();
  EXPECT_EQ(condition(unready, "Ready"), "False ContainersNotReady");
  EXPECT_EQ(to_ns(unready.start_time()), 4'000'000'000);
  for (const auto& c : unready.conditions()) {
    EXPECT_EQ(to_ns(c.last_transition_time()),
              c.type() == "Ready" || c.type() == "ContainersReady" ? kNow : 5'000'000'000)
        << c.type();
  }
}

TEST(StatusBuilder, ACrashLoopWaitsAndTellsTheLastEnd) {
  Said said;
  said.view.sandbox("s").exited(said.pod.spec().containers(0), 1, 3);
  said.input.waiting["c"] = {"CrashLoopBackOff", "back-off 40s restarting failed container=c pod=p_default(uid-p)"};
  const auto status = said.status();
  EXPECT_EQ(status.phase(), "Running");
  const auto& container = status.container_statuses(0);
  EXPECT_EQ(container.state().waiting().reason(), "CrashLoopBackOff");
  EXPECT_EQ(container.last_state().terminated().exit_code(), 1);
  EXPECT_EQ(container.last_state().terminated().reason(), "Error");
  EXPECT_EQ(container.restart_count(), 3);
}

TEST(StatusBuilder, BetweenExitAndRestartItIsTerminated) {
  Said said;
  const auto& container = said.pod.spec().containers(0);
  said.view.sandbox("s").exited(container, 2, 0).exited(container, 1, 1);
  const auto status = said.status();
  EXPECT_EQ(status.phase(), "Running");
  EXPECT_EQ(status.container_statuses(0).state().terminated().exit_code(), 1);
  EXPECT_EQ(status.container_statuses(0).last_state().terminated().exit_code(), 2);
}

TEST(StatusBuilder, AReasonOfTheRuntimeWins) {
  Said said;
  said.view.sandbox("s").exited(said.pod.spec().containers(0), 137);
  said.view.view.containers[0].status.set_reason("OOMKilled");
  EXPECT_EQ(said.status().container_statuses(0).state().terminated().reason(), "OOMKilled");
}

TEST(StatusBuilder, PhasesOfPodsThatEnd) {
  Said said;
  said.pod.mutable_spec()->set_restart_policy("Never");
  said.view.sandbox("s").exited(said.pod.spec().containers(0), 0);
  auto status = said.status();
  EXPECT_EQ(status.phase(), "Succeeded");
  EXPECT_EQ(status.container_statuses(0).state().terminated().reason(), "Completed");
  EXPECT_EQ(condition(status, "Ready"), "False PodCompleted");
  EXPECT_EQ(condition(status, "Initialized"), "True PodCompleted");
  said.view.view.containers[0].status.set_exit_code(3);
  status = said.status();
  EXPECT_EQ(status.phase(), "Failed");
  EXPECT_EQ(condition(status, "Ready"), "False PodFailed");
  said.pod.mutable_spec()->set_restart_policy("OnFailure");
  EXPECT_EQ(said.status().phase(), "Running");
}

TEST(StatusBuilder, ADeletedPodThatHasStoppedIsOver) {
  Said said;
  said.view.sandbox("s").exited(said.pod.spec().containers(0), 0);
  said.input.ended = true;
  EXPECT_EQ(said.status().phase(), "Succeeded");
  said.view.view.containers[0].status.set_exit_code(137);
  EXPECT_EQ(said.status().phase(), "Failed");
}

TEST(StatusBuilder, AFailureOfTheWholePod) {
  Said said;
  said.view.sandbox("s").exited(said.pod.spec().containers(0), 0);
  said.input.ended = true;
  said.input.failure = WaitingReason{"DeadlineExceeded", "too long"};
  const auto status = said.status();
  EXPECT_EQ(status.phase(), "Failed");
  EXPECT_EQ(status.reason(), "DeadlineExceeded");
  EXPECT_EQ(status.message(), "too long");
}

TEST(StatusBuilder, InitContainersHoldThePodPending) {
  Said said;
  add_init(said.pod, "i");
  said.view.sandbox("s").running(said.pod.spec().init_containers(0));
  auto status = said.status();
  EXPECT_EQ(status.phase(), "Pending");
  EXPECT_EQ(status.container_statuses(0).state().waiting().reason(), "PodInitializing");
  EXPECT_EQ(condition(status, "Initialized"), "False ContainersNotInitialized");
  Said done;
  done.pod = said.pod;
  done.view.sandbox("s").exited(said.pod.spec().init_containers(0), 0).running(said.pod.spec().containers(0));
  status = done.status();
  EXPECT_EQ(status.phase(), "Running");
  EXPECT_TRUE(status.init_container_statuses(0).ready());
  EXPECT_EQ(status.init_container_statuses(0).state().terminated().reason(), "Completed");
  EXPECT_EQ(condition(status, "Initialized"), "True");
}

TEST(StatusBuilder, AFailedInitContainerFailsAPodThatIsNotRestarted) {
  Said said;
  said.pod.mutable_spec()->set_restart_policy("Never");
  add_init(said.pod, "i");
  said.view.sandbox("s").exited(said.pod.spec().init_containers(0), 1);
  EXPECT_EQ(said.status().phase(), "Failed");
}

TEST(StatusBuilder, APodWithARunningSidecarIsNotOver) {
  Said said;
  said.pod.mutable_spec()->set_restart_policy("Never");
  add_init(said.pod, "side", true);
  said.view.sandbox("s").running(said.pod.spec().init_containers(0)).exited(said.pod.spec().containers(0), 0);
  EXPECT_EQ(said.status().phase(), "Running");
}

TEST(StatusBuilder, WhatTheRuntimeHasLostIsToldFromBefore) {
  Said said;
  said.old.set_phase("Running");
  auto& old = *said.old.add_container_statuses();
  old.set_name("c");
  old.set_container_id("oci://c-7");
  old.set_restart_count(7);
  *old.mutable_state()->mutable_running()->mutable_started_at() = to_time(1'000'000'000);
  auto status = said.status();
  EXPECT_EQ(status.container_statuses(0).last_state().terminated().reason(), "ContainerStatusUnknown");
  EXPECT_EQ(status.container_statuses(0).restart_count(), 8);
  said.input.ended = true;
  status = said.status();
  EXPECT_EQ(status.container_statuses(0).state().terminated().exit_code(), 137);
  EXPECT_EQ(status.phase(), "Failed");
}

TEST(StatusBuilder, ReadinessGatesAreAskedFor) {
  Said said;
  said.view.sandbox("s").running(said.pod.spec().containers(0));
  said.pod.mutable_spec()->add_readiness_gates()->set_condition_type("example.com/ready");
  EXPECT_EQ(condition(said.status(), "Ready"), "False ReadinessGatesNotReady");
  EXPECT_EQ(condition(said.status(), "ContainersReady"), "True");
  auto& gate = *said.pod.mutable_status()->add_conditions();
  gate.set_type("example.com/ready");
  gate.set_status("True");
  EXPECT_EQ(condition(said.status(), "Ready"), "True");
}

TEST(StatusBuilder, MergingKeepsWhatOthersWrote) {
  Said said;
  const auto ours = said.status();
  auto pod = said.pod;
  auto& foreign = *pod.mutable_status()->add_conditions();
  foreign.set_type("example.com/ready");
  foreign.set_status("True");
  auto& scheduled = *pod.mutable_status()->add_conditions();
  scheduled.set_type("PodScheduled");
  scheduled.set_status("True");
  *scheduled.mutable_last_transition_time() = to_time(3'000'000'000);
  pod.mutable_status()->set_nominated_node_name("n2");
  merge_status(pod, ours);
  EXPECT_EQ(condition(pod.status(), "example.com/ready"), "True");
  EXPECT_EQ(pod.status().nominated_node_name(), "n2");
  EXPECT_EQ(pod.status().conditions_size(), 6);
  for (const auto& c : pod.status().conditions()) {
    if (c.type() != "PodScheduled") continue;
    EXPECT_EQ(c.last_transition_time().seconds(), 3);
  }
  auto again = pod;
  merge_status(again, ours);
  EXPECT_TRUE(same_status(again.status(), pod.status()));
}

TEST(StatusBuilder, TheMessagesOfAPodShareTwelveKibibytes) {
  std::vector<std::string> names;
  for (int i = 0; i < 11; ++i) names.push_back("c" + std::to_string(i));
  Said said;
  said.pod = make_pod("p", names);
  said.pod.mutable_spec()->set_restart_policy("Never");
  add_init(said.pod, "first");
  for (const auto& container : said.pod.spec().init_containers()) said.view.exited(container, 0);
  for (const auto& container : said.pod.spec().containers()) said.view.exited(container, 1);
  said.input.termination_message = [](const Instance&) { return std::string(3'000, 'x'); };
  auto status = said.status();
  ASSERT_EQ(status.container_statuses_size(), 11);
  for (const auto& container : status.container_statuses())
    EXPECT_EQ(container.state().terminated().message(), std::string(1'024, 'x'));
  EXPECT_EQ(status.init_container_statuses(0).state().terminated().message().size(), 1'024u);
  // Between characters.
  said.input.termination_message = [](const Instance&) { return std::string(1'023, 'x') + "\xC3\xA9"; };
  EXPECT_EQ(said.status().container_statuses(3).state().terminated().message(), std::string(1'023, 'x'));
  // One that is restarted has its message in the last state.
  said.pod.mutable_spec()->set_restart_policy("Always");
  said.input.waiting["c0"] = {"CrashLoopBackOff", "back-off"};
  said.input.termination_message = [](const Instance&) { return std::string(3'000, 'x'); };
  EXPECT_EQ(said.status().container_statuses(0).last_state().terminated().message().size(), 1'024u);
}

TEST(StatusBuilder, FewContainersKeepTheirMessagesWhole) {
  Said said;
  said.pod.mutable_spec()->set_restart_policy("Never");
  said.view.exited(said.pod.spec().containers(0), 1);
  said.input.termination_message = [](const Instance&) { return std::string(4'096, 'x'); };
  EXPECT_EQ(said.status().container_statuses(0).state().terminated().message().size(), 4'096u);
}

}  // namespace
}  // namespace gantry::node
