#include "taints.hpp"

#include <gtest/gtest.h>

#include "testing.hpp"

namespace gantry::nodelifecycle {
namespace {

void condition(corev1::Node& node, const std::string& type, const std::string& status) {
  auto& added = *node.mutable_status()->add_conditions();
  added.set_type(type);
  added.set_status(status);
}

TEST(SettleTaints, FollowTheConditions) {
  auto node = node_of("n", "True");
  taint(node, "mine/own", "NoSchedule");
  EXPECT_FALSE(settle_taints(node, Execute::kKeep, kNow));
  condition(node, "MemoryPressure", "True");
  condition(node, "DiskPressure", "True");
  condition(node, "PIDPressure", "True");
  condition(node, "NetworkUnavailable", "True");
  node.mutable_spec()->set_unschedulable(true);
  EXPECT_TRUE(settle_taints(node, Execute::kKeep, kNow));
  EXPECT_EQ(taints_of(node),
            "own:NoSchedule disk-pressure:NoSchedule "
            "memory-pressure:NoSchedule network-unavailable:NoSchedule "
            "pid-pressure:NoSchedule unschedulable:NoSchedule");
  EXPECT_EQ(to_ns(node.spec().taints(1).time_added()), kNow);
  EXPECT_FALSE(settle_taints(node, Execute::kKeep, kNow + kSecond));
  for (auto& one : *node.mutable_status()->mutable_conditions()) {
    if (one.type() != "Ready") one.set_status("False");
  }
  node.mutable_spec()->set_unschedulable(false);
  EXPECT_TRUE(settle_taints(node, Execute::kKeep, kNow));
  EXPECT_EQ(taints_of(node), "own:NoSchedule");
}

TEST(SettleTaints, NoExecuteComesWhenItsTurnHasComeAndThenFollows) {
  auto node = node_of("n", "Unknown");
  EXPECT_TRUE(settle_taints(node, Execute::kKeep, kNow));
  EXPECT_EQ(taints_of(node), "unreachable:NoSchedule");
  EXPECT_FALSE(has_own_no_execute(node));
  EXPECT_TRUE(settle_taints(node, Execute::kAdd, kNow));
  EXPECT_EQ(taints_of(node), "unreachable:NoSchedule unreachable:NoExecute");
  EXPECT_TRUE(has_own_no_execute(node));
  node.mutable_status()->mutable_conditions(0)->set_status("False");
  EXPECT_TRUE(settle_taints(node, Execute::kKeep, kNow));
  EXPECT_EQ(taints_of(node), "not-ready:NoExecute not-ready:NoSchedule");
  EXPECT_TRUE(settle_taints(node, Execute::kRemove, kNow));
  EXPECT_EQ(taints_of(node), "not-ready:NoSchedule");
  EXPECT_TRUE(settle_taints(node, Execute::kAdd, kNow));
  node.mutable_status()->mutable_conditions(0)->set_status("True");
  EXPECT_TRUE(settle_taints(node, Execute::kKeep, kNow));
  EXPECT_EQ(taints_of(node), "");
}

TEST(SettleTaints, OthersTaintsStay) {
  auto node = node_of("n", "True");
  taint(node, "mine/own", "NoExecute");
  taint(node, "node.kubernetes.io/memory-pressure", "PreferNoSchedule");
  EXPECT_FALSE(settle_taints(node, Execute::kRemove, kNow));
  EXPECT_EQ(no_execute_taints(node).size(), 1U);
  auto fresh = node_of("n", "");
  EXPECT_FALSE(settle_taints(fresh, Execute::kAdd, kNow));
}

}  // namespace
}  // namespace gantry::nodelifecycle
