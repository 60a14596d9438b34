#include <gtest/gtest.h>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

TEST(Filters, AreAskedInUpstreamsOrder) {
  std::vector<std::string_view> names;
  for (const Filter& filter : all_filters()) names.push_back(filter.name);
  EXPECT_EQ(names, (std::vector<std::string_view>{"NodeUnschedulable", "TaintToleration", "NodeAffinity", "NodePorts",
                                                  "NodeResourcesFit", "PodTopologySpread", "InterPodAffinity"}));
}

TEST(Filters, TheFirstThatObjectsSpeaksAlone) {
  auto node = node_with("1", "1Gi");
  auto pod = pod_with("2", "");
  (*pod.mutable_spec()->mutable_node_selector())["zone"] = "b";
  node.facts.taints = {taint_with("NoExecute")};
  EXPECT_EQ(reasons_against(pod, node), Said{"node(s) had untolerated taint(s)"});
  node.facts.taints.clear();
  EXPECT_EQ(reasons_against(pod, node), Said{"node(s) didn't match Pod's node affinity/selector"});
  node.facts.labels = {{"zone", "b"}};
  EXPECT_EQ(reasons_against(pod, node), Said{"Insufficient cpu"});
}

TEST(Filters, CountTheNodesOfEachReason) {
  Rejections rejections;
  const auto pod = read_waiting_pod(pod_with("2", ""));
  auto tainted = node_with("4", "1Gi");
  tainted.facts.taints = {taint_with("NoSchedule")};
  Tallies tallies;
  Judge judge(*pod, tallies);
  EXPECT_EQ(judge.ask(node_with("1", "1Gi"), rejections), Verdict::kUnresolvable) << "not even when it is empty";
  EXPECT_EQ(judge.ask(node_with("1", "1Gi"), rejections), Verdict::kUnresolvable);
  EXPECT_EQ(judge.ask(tainted, rejections), Verdict::kUnresolvable);
  judge.add_help(rejections);
  EXPECT_EQ(rejections.reasons.counts(),
            (Reasons::Counts{{"Insufficient cpu", 2}, {"node(s) had untolerated taint(s)", 1}}));
  EXPECT_EQ(rejections.helped_by, Changes::kAllocatable | Changes::kPodGone | Changes::kTaints);
}

}  // namespace
}  // namespace gantry::scheduler
