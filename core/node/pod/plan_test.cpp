#include "core/node/pod/plan.hpp"

#include <gtest/gtest.h>

#include "core/node/agent_testing.hpp"

namespace gantry::node {
namespace {

using testing::add_init;
using testing::make_pod;
using testing::ViewMaker;

ProbeState fine(const std::string&) { return {true, true, false, ""}; }

PodPlan plan(const corev1::Pod& pod, const PodView& view, std::function<ProbeState(const std::string&)> probe = fine) {
  return plan_pod({&pod, &view, std::move(probe)});
}

std::vector<std::string> starts(const PodPlan& plan) {
  std::vector<std::string> out;
  for (const auto& start : plan.start) out.push_back(start.container->name());
  return out;
}
std::vector<std::string> kills(const PodPlan& plan) {
  std::vector<std::string> out;
  for (const auto& kill : plan.kill) out.push_back(kill.container_id);
  return out;
}
using Names = std::vector<std::string>;

TEST(Plan, ANewPodGetsASandboxAndItsContainers) {
  const auto pod = make_pod("p", {"a", "b"});
  const auto made = plan(pod, {});
  EXPECT_TRUE(made.create_sandbox);
  EXPECT_FALSE(made.sandbox_changed);
  EXPECT_EQ(made.sandbox_attempt, 0u);
  EXPECT_EQ(starts(made), (Names{"a", "b"}));
}

TEST(Plan, WhatRunsIsLeftAlone) {
  const auto pod = make_pod("p", {"a", "b"});
  ViewMaker view;
  view.sandbox("s").running(pod.spec().containers(0)).running(pod.spec().containers(1));
  const auto made = plan(pod, view.view);
  EXPECT_FALSE(made.create_sandbox);
  EXPECT_FALSE(made.end_pod);
  EXPECT_TRUE(made.start.empty());
  EXPECT_TRUE(made.kill.empty());
}

TEST(Plan, RestartsByPolicyAndCountsThem) {
  auto pod = make_pod("p");
  const auto& container = pod.spec().containers(0);
  ViewMaker failed, done;
  failed.sandbox("s").exited(container, 1, 2);
  done.sandbox("s").exited(container, 0);
  EXPECT_EQ(starts(plan(pod, failed.view)), Names{"c"});
  EXPECT_EQ(plan(pod, failed.view).start[0].restart_count, 3);
  EXPECT_EQ(starts(plan(pod, done.view)), Names{"c"});
  pod.mutable_spec()->set_restart_policy("OnFailure");
  EXPECT_EQ(starts(plan(pod, failed.view)), Names{"c"});
  EXPECT_TRUE(plan(pod, done.view).end_pod);
  pod.mutable_spec()->set_restart_policy("Never");
  EXPECT_TRUE(plan(pod, failed.view).end_pod);
}

TEST(Plan, AContainersOwnPolicyAndRulesComeFirst) {
  auto pod = make_pod("p");
  pod.mutable_spec()->set_restart_policy("Never");
  auto& container = *pod.mutable_spec()->mutable_containers(0);
  auto& rule = *container.add_restart_policy_rules();
  rule.set_action("Restart");
  rule.mutable_exit_codes()->set_operator_("In");
  rule.mutable_exit_codes()->add_values(42);
  ViewMaker listed, other;
  listed.sandbox("s").exited(container, 42);
  other.sandbox("s").exited(container, 1);
  EXPECT_EQ(starts(plan(pod, listed.view)), Names{"c"});
  EXPECT_TRUE(plan(pod, other.view).end_pod);
}

TEST(Plan, CreatedButNeverStartedIsStartedUnderTheSameNumber) {
  const auto pod = make_pod("p");
  ViewMaker view;
  view.sandbox("s").instance(pod.spec().containers(0), cri::CONTAINER_CREATED, 0, 4);
  const auto made = plan(pod, view.view);
  ASSERT_EQ(starts(made), Names{"c"});
  EXPECT_EQ(made.start[0].restart_count, 4);
}

TEST(Plan, AnotherImageReplacesTheContainer) {
  auto pod = make_pod("p");
  ViewMaker view;
  view.sandbox("s").running(pod.spec().containers(0));
  pod.mutable_spec()->mutable_containers(0)->set_image("busybox:2");
  const auto made = plan(pod, view.view);
  ASSERT_EQ(kills(made), Names{"c-0"});
  EXPECT_EQ(made.kill[0].message, "Container c definition changed, will be restarted");
  EXPECT_EQ(starts(made), Names{"c"});
}

TEST(Plan, AFailedLivenessProbeRestartsUnlessNever) {
  auto pod = make_pod("p");
  ViewMaker view;
  view.sandbox("s").running(pod.spec().containers(0));
  const auto dead = [](const std::string&) { return ProbeState{true, true, true, "no"}; };
  auto made = plan(pod, view.view, dead);
  ASSERT_EQ(kills(made), Names{"c-0"});
  EXPECT_EQ(made.kill[0].message, "Container c failed liveness probe, will be restarted");
  pod.mutable_spec()->set_restart_policy("Never");
  made = plan(pod, view.view, dead);
  EXPECT_EQ(kills(made), Names{"c-0"});
  EXPECT_TRUE(made.start.empty());
}

TEST(Plan, InitContainersRunOneAfterTheOther) {
  auto pod = make_pod("p");
  add_init(pod, "i1");
  add_init(pod, "i2");
  const auto& i1 = pod.spec().init_containers(0);
  const auto& i2 = pod.spec().init_containers(1);
  EXPECT_EQ(starts(plan(pod, {})), Names{"i1"});
  ViewMaker view;
  view.sandbox("s").running(i1);
  EXPECT_TRUE(starts(plan(pod, view.view)).empty());
  ViewMaker second;
  second.sandbox("s").exited(i1, 0);
  EXPECT_EQ(starts(plan(pod, second.view)), Names{"i2"});
  second.exited(i2, 0);
  EXPECT_EQ(starts(plan(pod, second.view)), Names{"c"});
  EXPECT_TRUE(plan(pod, second.view).initialized);
}

TEST(Plan, AFailedInitContainerIsRepeatedOrEndsThePod) {
  auto pod = make_pod("p");
  add_init(pod, "i");
  ViewMaker view;
  view.sandbox("s").exited(pod.spec().init_containers(0), 1);
  EXPECT_EQ(starts(plan(pod, view.view)), Names{"i"});
  pod.mutable_spec()->set_restart_policy("Never");
  EXPECT_TRUE(plan(pod, view.view).end_pod);
}

TEST(Plan, InitContainersAreNotRepeatedWhenAContainerOnlyRestarts) {
  auto pod = make_pod("p");
  add_init(pod, "i");
  ViewMaker view;  // the init container's instance has been removed meanwhile
  view.sandbox("s").exited(pod.spec().containers(0), 1);
  EXPECT_EQ(starts(plan(pod, view.view)), Names{"c"});
}

TEST(Plan, ASidecarHoldsTheOthersBackUntilItHasStarted) {
  auto pod = make_pod("p");
  add_init(pod, "side", true);
  const auto& side = pod.spec().init_containers(0);
  ViewMaker view;
  view.sandbox("s").running(side);
  EXPECT_TRUE(plan(pod, view.view, [](const std::string&) { return ProbeState{}; }).start.empty());
  EXPECT_EQ(starts(plan(pod, view.view)), Names{"c"});
}

TEST(Plan, ASidecarIsRestartedWhateverThePolicyAndEndsWithThePod) {
  auto pod = make_pod("p");
  pod.mutable_spec()->set_restart_policy("Never");
  add_init(pod, "side", true);
  const auto& side = pod.spec().init_containers(0);
  ViewMaker view;
  view.sandbox("s").exited(side, 1).running(pod.spec().containers(0));
  EXPECT_EQ(starts(plan(pod, view.view)), Names{"side"});
  ViewMaker over;
  over.sandbox("s").running(side).exited(pod.spec().containers(0), 0);
  const auto made = plan(pod, over.view);
  EXPECT_TRUE(made.end_pod);
  EXPECT_EQ(kills(made), Names{"side-0"});
}

TEST(Plan, ADeadSandboxIsMadeAgainFromTheBeginning) {
  auto pod = make_pod("p");
  add_init(pod, "i");
  ViewMaker view;
  view.sandbox("s", false, 3).exited(pod.spec().init_containers(0), 0).exited(pod.spec().containers(0), 137);
  const auto made = plan(pod, view.view);
  EXPECT_TRUE(made.create_sandbox);
  EXPECT_TRUE(made.sandbox_changed);
  EXPECT_EQ(made.sandbox_attempt, 4u);
  EXPECT_EQ(made.dead_sandboxes, Names{"s"});
  EXPECT_EQ(starts(made), Names{"i"});
}

TEST(Plan, ADeadSandboxOfWhatIsOverIsNotMadeAgain) {
  auto pod = make_pod("p");
  ViewMaker view;
  view.sandbox("s", false).exited(pod.spec().containers(0), 0);
  pod.mutable_spec()->set_restart_policy("OnFailure");
  EXPECT_TRUE(plan(pod, view.view).end_pod);
  ViewMaker never;
  never.sandbox("s", false).exited(pod.spec().containers(0), 1);
  pod.mutable_spec()->set_restart_policy("Never");
  EXPECT_TRUE(plan(pod, never.view).end_pod);
  // But one that never got so far is.
  ViewMaker fresh;
  fresh.sandbox("s", false);
  EXPECT_TRUE(plan(pod, fresh.view).create_sandbox);
}

TEST(Plan, WhatStillRunsInADeadSandboxIsStoppedFirst) {
  const auto pod = make_pod("p");
  ViewMaker view;
  view.sandbox("s", false).running(pod.spec().containers(0));
  EXPECT_EQ(kills(plan(pod, view.view)), Names{"c-0"});
}

TEST(Plan, AnInstanceInUnknownStateIsKilledAndStarted) {
  const auto pod = make_pod("p");
  ViewMaker view;
  view.sandbox("s").instance(pod.spec().containers(0), cri::CONTAINER_UNKNOWN);
  const auto made = plan(pod, view.view);
  EXPECT_EQ(kills(made), Names{"c-0"});
  EXPECT_EQ(starts(made), Names{"c"});
}

}  // namespace
}  // namespace gantry::node
