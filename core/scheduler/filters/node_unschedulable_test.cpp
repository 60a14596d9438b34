#include <gtest/gtest.h>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

TEST(NodeUnschedulable, CordonedNodes) {
  auto node = node_with("1", "1Gi");
  node.facts.unschedulable = true;
  auto pod = pod_with("", "");
  EXPECT_EQ(judged(pod, node), (Judged{Verdict::kUnresolvable, {"node(s) were unschedulable"}, Changes::kTaints}));
  node.facts.taints = {taint_with("NoSchedule")};
  EXPECT_EQ(reasons_against(pod, node), Said{"node(s) were unschedulable"}) << "the first that objects speaks alone";
  node.facts.taints.clear();
  auto& toleration = *pod.mutable_spec()->add_tolerations();
  toleration.set_key("node.kubernetes.io/unschedulable");
  toleration.set_operator_("Exists");
  EXPECT_TRUE(fits(pod, node));
  EXPECT_FALSE(asks(read_waiting_pod(pod)->filters, "NodeUnschedulable"));
}

}  // namespace
}  // namespace gantry::scheduler
