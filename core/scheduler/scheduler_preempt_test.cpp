// What the scheduler writes so that a pod of more priority gets its node.
#include <gtest/gtest.h>

#include <tuple>

#include "core/scheduler/played_scheduler.hpp"
#include "k8s.io/api/policy/v1/pod_disruption_budget.pb.h"

namespace gantry::scheduler {
namespace {

TEST_F(SchedulerTest, APodOfMorePriorityTakesTheRoomOfOneOfLess) {
  add_node("n1", "1");
  auto low = pod("low", "800m"), high = pod("high", "800m"), never = pod("never", "800m");
  low.mutable_spec()->set_node_name("n1");
  client.send("pods", WatchEvent::Type::kAdded, low);
  never.mutable_spec()->set_priority(5);
  never.mutable_spec()->set_preemption_policy("Never");
  client.send("pods", WatchEvent::Type::kAdded, never);
  ASSERT_TRUE(client.wait_patches(1));
  EXPECT_NE(client.patches[0].find("Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never."),
            std::string::npos)
      << client.patches[0];
  high.mutable_spec()->set_priority(10);
  client.send("pods", WatchEvent::Type::kAdded, high);
  ASSERT_TRUE(client.wait([&] { return client.deleted == std::vector<std::string>{"low"}; }));
  ASSERT_TRUE(client.wait([&] { return events.back() == "Preempted: Preempted by pod uid-high on node n1"; }));
  EXPECT_NE(client.patches[1].find("\"nominatedNodeName\":\"n1\""), std::string::npos) << client.patches[1];
  EXPECT_NE(client.patches[2].find("default-scheduler: preempting to accommodate a higher priority pod"),
            std::string::npos)
      << client.patches[2];
  EXPECT_NE(client.patches[2].find("\"PreemptionByScheduler\""), std::string::npos);
  // It waits for the end of the one that goes, whatever else happens, and then has the room that was made for it.
  low.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  auto& condition = *low.mutable_status()->add_conditions();
  condition.set_type("DisruptionTarget");
  condition.set_status("True");
  condition.set_reason("PreemptionByScheduler");
  client.send("pods", WatchEvent::Type::kModified, low);
  auto other = pod("other", "100m");
  other.mutable_spec()->set_node_name("n1");
  client.send("pods", WatchEvent::Type::kAdded, other);
  client.send("pods", WatchEvent::Type::kDeleted, other);
  ASSERT_TRUE(client.wait([&] {
    return client.patches.back().find("not eligible due to a terminating pod on the nominated node.") !=
           std::string::npos;
  }));
  {
    const std::lock_guard lock(client.mutex);
    EXPECT_EQ(client.deleted, std::vector<std::string>{"low"});
  }
  auto between = pod("between", "800m");
  between.mutable_spec()->set_priority(1);
  client.send("pods", WatchEvent::Type::kDeleted, low);
  client.send("pods", WatchEvent::Type::kAdded, between);
  ASSERT_TRUE(client.wait_bindings(1));
  EXPECT_EQ(client.bindings[0], (std::pair<std::string, std::string>{"high", "n1"}));
}

TEST_F(SchedulerTest, WhomABudgetProtectsIsSparedForOneOfMorePriority) {
  for (const auto& [name, node, priority] : {std::tuple{"a", "n1", 0}, std::tuple{"b", "n2", 3}}) {
    add_node(node, "1");
    auto low = pod(name, "1");
    (*low.mutable_metadata()->mutable_labels())["app"] = name;
    low.mutable_spec()->set_node_name(node);
    low.mutable_spec()->set_priority(priority);
    client.send("pods", WatchEvent::Type::kAdded, low);
  }
  k8s::io::api::policy::v1::PodDisruptionBudget budget;
  budget.mutable_metadata()->set_namespace_("default");
  budget.mutable_metadata()->set_name("none");
  (*budget.mutable_spec()->mutable_selector()->mutable_match_labels())["app"] = "a";
  client.send("poddisruptionbudgets", WatchEvent::Type::kAdded, budget);
  auto high = pod("high", "1");
  high.mutable_spec()->set_priority(10);
  client.send("pods", WatchEvent::Type::kAdded, high);
  ASSERT_TRUE(client.wait([&] { return !client.deleted.empty(); }));
  EXPECT_EQ(client.deleted[0], "b");
}

TEST_F(SchedulerTest, AnEvictionThatFailsIsTriedAgain) {
  add_node("n1", "1");
  auto low = pod("low", "1"), high = pod("high", "1");
  low.mutable_spec()->set_node_name("n1");
  client.send("pods", WatchEvent::Type::kAdded, low);
  {
    const std::lock_guard lock(client.mutex);
    client.refuse_eviction = Status::unavailable("not now");
  }
  high.mutable_spec()->set_priority(10);
  client.send("pods", WatchEvent::Type::kAdded, high);
  ASSERT_TRUE(client.wait([&] { return !client.deleted.empty(); }));
  EXPECT_FALSE(log.empty());
}

}  // namespace
}  // namespace gantry::scheduler
