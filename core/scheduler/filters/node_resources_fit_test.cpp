#include <gtest/gtest.h>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

TEST(NodeResourcesFit, SaysAllThatIsMissing) {
  const auto node = node_with("2", "1Gi");
  EXPECT_EQ(reasons_against(pod_with("2", "1Gi"), node), Said{});
  EXPECT_EQ(reasons_against(pod_with("2001m", ""), node), Said{"Insufficient cpu"});
  EXPECT_EQ(reasons_against(pod_with("3", "2Gi"), node), (Said{"Insufficient cpu", "Insufficient memory"}));
  EXPECT_EQ(reasons_against(pod_with("", ""), node_with("1", "1Gi", "0")), Said{"Too many pods"});
  auto gpu = pod_with("", "");
  (*gpu.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests())["x.io/gpu"].set_string("1");
  EXPECT_EQ(reasons_against(gpu, node), Said{"Insufficient x.io/gpu"});
}

TEST(NodeResourcesFit, CountsWhatIsTaken) {
  auto node = node_with("2", "1Gi");
  node.requested.milli_cpu = 1500;
  node.requested.memory = 1 << 29;
  const auto verdict = [&](const corev1::Pod& pod) { return judged(pod, node).verdict; };
  EXPECT_EQ(verdict(pod_with("500m", "512Mi")), Verdict::kFits);
  EXPECT_EQ(verdict(pod_with("501m", "")), Verdict::kUnschedulable);
  EXPECT_EQ(verdict(pod_with("2", "1Gi")), Verdict::kUnschedulable);
  EXPECT_EQ(verdict(pod_with("2001m", "")), Verdict::kUnresolvable);
  EXPECT_EQ(verdict(pod_with("2", "2Gi")), Verdict::kUnresolvable);
  EXPECT_EQ(verdict(pod_with("3", "1Gi")), Verdict::kUnresolvable);
  node.pods = node.facts.max_pods - 1;
  EXPECT_EQ(verdict(pod_with("", "")), Verdict::kFits);
  node.pods = node.facts.max_pods;
  EXPECT_EQ(verdict(pod_with("", "")), Verdict::kUnschedulable);
  auto storing = pod_with("", "");
  auto& requests = *storing.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests();
  requests["ephemeral-storage"].set_string("1");
  EXPECT_EQ(reasons_against(storing, node_with("1", "1Gi")), Said{"Insufficient ephemeral-storage"});
}

TEST(NodeResourcesFit, IsHelpedByRoom) {
  EXPECT_EQ(judged(pod_with("3", ""), node_with("2", "1Gi")).helped_by, Changes::kPodGone | Changes::kAllocatable);
}

// Each times each would take minutes.
TEST(NodeResourcesFit, VeryManyResources) {
  constexpr int kVeryMany = 200'000;
  corev1::Node node;
  node.mutable_metadata()->set_name("n");
  (*node.mutable_status()->mutable_allocatable())["pods"].set_string("110");
  auto pod = pod_with("", "");
  const auto name = [](int i) { return "example.com/resource-" + std::to_string(kVeryMany + i); };
  for (int i = 0; i < kVeryMany / 2; ++i) {
    (*node.mutable_status()->mutable_allocatable())[name(i)].set_string("1");
    (*pod.mutable_spec()->mutable_containers(0)->mutable_resources()->mutable_requests())[name(i)].set_string("1");
  }
  const auto waiting = read_waiting_pod(pod);
  NodeCache cache;
  cache.set_node(read_node(node));
  EXPECT_EQ(judged(*waiting, *cache.nodes()[0]).reasons, Said{});
  cache.add_pod(waiting, "n");
  EXPECT_EQ(judged(*waiting, *cache.nodes()[0]).reasons.size(), static_cast<size_t>(kVeryMany / 2));
  EXPECT_TRUE(cache.remove_pod("u"));
  EXPECT_TRUE(cache.nodes()[0]->requested.others.empty()) << "nothing stays of a pod that went";
}

}  // namespace
}  // namespace gantry::scheduler
