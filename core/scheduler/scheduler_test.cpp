#include <gtest/gtest.h>
#include <unistd.h>

#include "core/scheduler/played_scheduler.hpp"

namespace gantry::scheduler {
namespace {

TEST_F(SchedulerTest, BindsAndCountsAssumedPods) {
  add_node("n1", "1");
  for (const char* name : {"a", "b", "c"}) client.send("pods", WatchEvent::Type::kAdded, pod(name, "400m"));
  ASSERT_TRUE(client.wait_bindings(2));
  // The third does not fit beside two assumed ones, though no watch has confirmed them.
  ASSERT_TRUE(client.wait_patches(1));
  EXPECT_NE(client.patches[0].find("0/1 nodes are available: 1 Insufficient cpu."), std::string::npos);
  const std::lock_guard lock(client.mutex);
  EXPECT_EQ(client.bindings.size(), 2u);
  EXPECT_NE(std::find(events.begin(), events.end(),
                      "FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are "
                      "available: 1 No preemption victims found for incoming pod."),
            events.end());
}

TEST_F(SchedulerTest, ADeletedPodMakesRoom) {
  add_node("n1", "1");
  client.send("pods", WatchEvent::Type::kAdded, pod("a", "800m"));
  ASSERT_TRUE(client.wait_bindings(1));
  client.send("pods", WatchEvent::Type::kAdded, pod("b", "800m"));
  ASSERT_TRUE(client.wait_patches(1));
  auto gone = pod("a", "800m");
  gone.mutable_spec()->set_node_name("n1");
  client.send("pods", WatchEvent::Type::kDeleted, gone);
  ASSERT_TRUE(client.wait_bindings(2));
  EXPECT_EQ(client.bindings[1].first, "b");
}

TEST_F(SchedulerTest, ANewNodeMakesRoom) {
  client.send("pods", WatchEvent::Type::kAdded, pod("a", "1"));
  ASSERT_TRUE(client.wait_patches(1));
  EXPECT_NE(client.patches[0].find("no nodes available to schedule pods"), std::string::npos);
  add_node("n1", "2");
  ASSERT_TRUE(client.wait_bindings(1));
}

TEST_F(SchedulerTest, AFailedBindingIsTakenBackAndTriedAgain) {
  add_node("n1", "1");
  client.refuse = Status::unavailable("not now");
  client.send("pods", WatchEvent::Type::kAdded, pod("a", "1"));
  ASSERT_TRUE(client.wait_bindings(2));
}

TEST_F(SchedulerTest, OnlyWhatMayHelpWakesAPod) {
  add_node("n1", "1");
  auto picky = pod("picky", "100m");
  (*picky.mutable_spec()->mutable_node_selector())["zone"] = "a";
  client.send("pods", WatchEvent::Type::kAdded, picky);
  client.send("pods", WatchEvent::Type::kAdded, pod("large", "2"));
  ASSERT_TRUE(client.wait_patches(2));
  corev1::Node labeled;
  labeled.mutable_metadata()->set_name("n1");
  auto& free = *labeled.mutable_status()->mutable_allocatable();
  free["cpu"].set_string("1");
  free["memory"].set_string("8Gi");
  free["pods"].set_string("110");
  (*labeled.mutable_metadata()->mutable_labels())["zone"] = "a";
  client.send("nodes", WatchEvent::Type::kModified, labeled);
  ASSERT_TRUE(client.wait_bindings(1));
  EXPECT_EQ(client.bindings[0].first, "picky");
  EXPECT_EQ(scheduler->counts().unschedulable, 1u);
  free["cpu"].set_string("4");
  client.send("nodes", WatchEvent::Type::kModified, labeled);
  ASSERT_TRUE(client.wait_bindings(2));
}

// What was thought taken is free again.
TEST_F(SchedulerTest, ABindingThatFailsMakesRoomForOthers) {
  add_node("n1", "1");
  client.defer = true;
  client.send("pods", WatchEvent::Type::kAdded, pod("a", "800m"));
  ASSERT_TRUE(client.wait([&] { return client.deferred != nullptr; }));
  client.send("pods", WatchEvent::Type::kAdded, pod("b", "800m"));
  ASSERT_TRUE(client.wait_patches(1));
  {
    const std::lock_guard lock(client.mutex);
    client.defer = false;
  }
  client.deferred(Status::not_found("deleted meanwhile"));
  ASSERT_TRUE(client.wait_bindings(2));
  EXPECT_EQ(client.bindings[1].first, "b");
}

TEST_F(SchedulerTest, ABindingThatIsRefusedForGoodWaitsForAChange) {
  add_node("n1", "1");
  client.refuse = Status::invalid("no such pod can be bound");
  client.send("pods", WatchEvent::Type::kAdded, pod("a", "1"));
  ASSERT_TRUE(client.wait_bindings(1));
  EXPECT_TRUE(client.wait([&] { return !log.empty(); }));
  EXPECT_EQ(scheduler->counts().unschedulable, 1u);
  EXPECT_EQ(scheduler->counts().backing_off, 0u);
  EXPECT_NE(log[0].find("no such pod can be bound"), std::string::npos);
  add_node("n2", "1");
  ASSERT_TRUE(client.wait_bindings(2));
}

TEST_F(SchedulerTest, AConditionThatWasNotWrittenIsWrittenWithTheNextAttempt) {
  client.refuse_patch = Status::unavailable("not now");
  client.send("pods", WatchEvent::Type::kAdded, pod("a", "2"));
  ASSERT_TRUE(client.wait([&] { return !log.empty(); }));
  // A change of the pod that leaves the answer as it is.
  auto changed = pod("a", "2");
  changed.mutable_metadata()->set_generation(2);
  client.send("pods", WatchEvent::Type::kModified, changed);
  ASSERT_TRUE(client.wait_patches(2));
  EXPECT_NE(client.patches[1].find("no nodes available"), std::string::npos);
}

corev1::Pod spread(corev1::Pod pod) {
  (*pod.mutable_metadata()->mutable_labels())["app"] = "web";
  auto& constraint = *pod.mutable_spec()->add_topology_spread_constraints();
  constraint.set_topology_key("host");
  constraint.set_max_skew(1);
  constraint.set_when_unsatisfiable("DoNotSchedule");
  (*constraint.mutable_label_selector()->mutable_match_labels())["app"] = "web";
  return pod;
}

// Two nodes, one too small: one pod fits, and a second only when the first has gone. A pod that has no part in it, and
// goes as well, wakes nobody.
TEST_F(SchedulerTest, WordOfPodsThatCountWakesThoseThatSpread) {
  for (const auto& [name, cpu] : {std::pair{"n1", "4"}, std::pair{"n2", "100m"}}) {
    corev1::Node node;
    node.mutable_metadata()->set_name(name);
    (*node.mutable_metadata()->mutable_labels())["host"] = name;
    auto& free = *node.mutable_status()->mutable_allocatable();
    free["cpu"].set_string(cpu);
    free["memory"].set_string("8Gi");
    free["pods"].set_string("110");
    client.send("nodes", WatchEvent::Type::kAdded, node);
  }
  client.send("pods", WatchEvent::Type::kAdded, spread(pod("a", "1")));
  ASSERT_TRUE(client.wait_bindings(1));
  client.send("pods", WatchEvent::Type::kAdded, spread(pod("b", "1")));
  ASSERT_TRUE(client.wait_patches(1));
  EXPECT_NE(client.patches[0].find("0/2 nodes are available: 1 Insufficient "
                                   "cpu, 1 node(s) didn't match pod topology "
                                   "spread constraints. preemption: "),
            std::string::npos)
      << client.patches[0];
  auto gone = spread(pod("a", "1"));
  gone.mutable_spec()->set_node_name("n1");
  client.send("pods", WatchEvent::Type::kDeleted, gone);
  ASSERT_TRUE(client.wait_bindings(2));
  EXPECT_EQ(client.bindings[1], (std::pair<std::string, std::string>{"b", "n1"}));
}

// More comes than is kept while its thread is held up: nobody else waits for it, it lists anew, and what is being bound
// stays where it goes, though the list does not know yet.
TEST_F(SchedulerTest, OneThatIsTooSlowListsAnewAndForgetsNoBinding) {
  add_node("n1", "1");
  client.defer = true;
  client.send("pods", WatchEvent::Type::kAdded, pod("a", "600m"));
  ASSERT_TRUE(client.wait([&] { return client.deferred != nullptr; }));
  {
    const std::lock_guard lock(client.mutex);
    client.defer = false;
    client.hold = true;
  }
  client.send("pods", WatchEvent::Type::kAdded, pod("x", "100m"));
  ASSERT_TRUE(client.wait_bindings(2));
  const auto many = client::InboxBounds().messages;
  for (size_t i = 0; i <= many; ++i) client.send("pods", WatchEvent::Type::kModified, pod("a", "600m"));
  {
    const std::lock_guard lock(client.mutex);
    EXPECT_EQ(client.lists["pods"], 1);
    auto bound = pod("x", "100m");
    bound.mutable_spec()->set_node_name("n1");
    for (const auto& listed : {pod("a", "600m"), bound, pod("b", "600m"), pod("c", "300m")}) {
      client.pods.push_back(http::make_chunk(listed.SerializeAsString()));
    }
    client.hold = false;
    client.changed.notify_all();
  }
  ASSERT_TRUE(client.wait_bindings(3));
  ASSERT_TRUE(client.wait_patches(1));
  {
    const std::lock_guard lock(client.mutex);
    EXPECT_EQ(client.lists["pods"], 2);
    EXPECT_EQ(client.bindings,
              (std::vector<std::pair<std::string, std::string>>{{"a", "n1"}, {"x", "n1"}, {"c", "n1"}}));
    EXPECT_NE(client.patches[0].find("uid-b"), std::string::npos);
  }
  client.deferred(client::ApiResponse());
  // The answer to the last one may be on its way still.
  for (int i = 0; i < 5'000 && scheduler->counts().bindings > 0; ++i) ::usleep(2'000);
  EXPECT_EQ(scheduler->counts().bindings, 0u);
}

TEST_F(SchedulerTest, LeavesOthersPodsAlone) {
  add_node("n1", "4");
  auto foreign = pod("foreign", "1");
  foreign.mutable_spec()->set_scheduler_name("mine");
  client.send("pods", WatchEvent::Type::kAdded, foreign);
  auto gated = pod("gated", "1");
  gated.mutable_spec()->add_scheduling_gates()->set_name("wait");
  client.send("pods", WatchEvent::Type::kAdded, gated);
  client.send("pods", WatchEvent::Type::kAdded, pod("ours", "1"));
  ASSERT_TRUE(client.wait_bindings(1));
  EXPECT_EQ(client.bindings[0].first, "ours");
  EXPECT_EQ(scheduler->counts().active + scheduler->counts().unschedulable, 0u);
}

TEST_F(SchedulerTest, SpreadsOverTheEmptierNodes) {
  add_node("n1", "4");
  add_node("n2", "4");
  for (const char* name : {"a", "b", "c", "d"}) client.send("pods", WatchEvent::Type::kAdded, pod(name, "1"));
  ASSERT_TRUE(client.wait_bindings(4));
  size_t first = 0;
  for (const auto& [name, node] : client.bindings) first += node == "n1";
  EXPECT_EQ(first, 2u);
}

}  // namespace
}  // namespace gantry::scheduler
