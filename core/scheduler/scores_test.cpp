#include <gtest/gtest.h>

#include <algorithm>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

size_t best(const corev1::Pod& pod, const std::vector<const NodeState*>& nodes) {
  Tallies tallies;
  return pick_best(*read_waiting_pod(pod), tallies, nodes);
}

void prefer_zone(corev1::Pod& pod, const std::string& zone, int32_t weight) {
  auto& term = *pod.mutable_spec()
                    ->mutable_affinity()
                    ->mutable_node_affinity()
                    ->add_preferred_during_scheduling_ignored_during_execution();
  term.set_weight(weight);
  auto& wanted = *term.mutable_preference()->add_match_expressions();
  wanted.set_key("zone");
  wanted.set_operator_("In");
  wanted.add_values(zone);
}

NodeState in_zone(const std::string& zone) {
  auto node = node_with("4", "4Gi");
  node.facts.labels = {{"zone", zone}};
  return node;
}

// A node of which so many thousandths of 4 cores and so many GiB of 4 are taken.
NodeState used(int64_t milli_cpu, int64_t gib) {
  auto node = node_with("4", "4Gi");
  node.requested.milli_cpu = node.scored.milli_cpu = milli_cpu;
  node.requested.memory = node.scored.memory = gib << 30;
  return node;
}

TEST(Scores, HaveUpstreamsNamesAndWeights) {
  std::vector<std::pair<std::string_view, int64_t>> have;
  for (const Score& score : all_scores()) have.emplace_back(score.name, score.weight);
  std::sort(have.begin(), have.end());
  EXPECT_EQ(have, (decltype(have){{"InterPodAffinity", 2},
                                  {"NodeAffinity", 2},
                                  {"NodeResourcesBalancedAllocation", 1},
                                  {"NodeResourcesFit", 1},
                                  {"PodTopologySpread", 2},
                                  {"TaintToleration", 3}}));
}

TEST(Scores, PreferTheEmptierAndTheBalancedNode) {
  const auto full = used(3000, 3), empty = used(0, 0), lopsided = used(3000, 0);
  const auto pod = pod_with("1", "1Gi");
  EXPECT_EQ(rated("NodeResourcesFit", pod, empty), 75);
  EXPECT_EQ(rated("NodeResourcesFit", pod, full), 0);
  EXPECT_EQ(rated("NodeResourcesBalancedAllocation", pod, empty), 100);
  EXPECT_EQ(rated("NodeResourcesBalancedAllocation", pod, lopsided), 62);
  EXPECT_EQ(best(pod, {&full, &lopsided, &empty}), 2u);
  EXPECT_EQ(best(pod, {&lopsided, &full}), 1u) << "37 + 62 against 0 + 100";
}

TEST(Scores, OfEqualNodesTheFirstIsBest) {
  const auto a = used(1000, 1), b = used(1000, 1), busier = used(2000, 2);
  EXPECT_EQ(best(pod_with("1", "1Gi"), {&a, &b}), 0u);
  EXPECT_EQ(best(pod_with("1", "1Gi"), {&busier, &b, &a}), 1u);
  EXPECT_EQ(best(pod_with("1", "1Gi"), {&busier}), 0u);
}

TEST(Scores, APodThatAsksForNothingGoesToTheEmptierNodeYet) {
  const auto full = used(3900, 3), empty = used(100, 0);
  EXPECT_EQ(best(pod_with("", ""), {&full, &empty}), 1u);
}

TEST(Scores, PreferredAffinityIsAShareOfTheLargest) {
  const auto a = in_zone("a"), b = in_zone("b");
  auto pod = pod_with("1", "1Gi");
  EXPECT_EQ(rated("NodeAffinity", pod, a), -1) << "is not asked";
  prefer_zone(pod, "a", 10);
  prefer_zone(pod, "b", 30);
  prefer_zone(pod, "b", 10);
  EXPECT_EQ(rated("NodeAffinity", pod, a), 10);
  EXPECT_EQ(rated("NodeAffinity", pod, b), 40);
  EXPECT_EQ(best(pod, {&a, &b}), 1u);
  // Of 200, a has 50 and b all: less room outweighs that only when it is much less.
  auto busy = b;
  busy.requested = busy.scored = used(3000, 3).scored;
  EXPECT_EQ(best(pod, {&a, &busy}), 1u) << "75 more for room, 150 for affinity";
  auto other = pod_with("1", "1Gi");
  prefer_zone(other, "c", 100);
  EXPECT_EQ(best(other, {&a, &b}), 0u) << "none has what it prefers";
}

TEST(Scores, FewerTaintsThatItDoesNotTolerateAreBetter) {
  auto clean = used(3000, 3), once = used(0, 0), twice = used(0, 0);
  once.facts.taints = {taint_with("PreferNoSchedule")};
  twice.facts.taints = {taint_with("PreferNoSchedule", "a"), taint_with("PreferNoSchedule", "b")};
  auto pod = pod_with("1", "1Gi");
  EXPECT_EQ(rated("TaintToleration", pod, clean), 0);
  EXPECT_EQ(rated("TaintToleration", pod, twice), 2);
  EXPECT_EQ(best(pod, {&twice, &once}), 1u);
  EXPECT_EQ(best(pod, {&twice, &once, &clean}), 2u) << "150 more than the second for taints, 75 less for room";
  auto& toleration = *pod.mutable_spec()->add_tolerations();
  toleration.set_operator_("Exists");
  EXPECT_EQ(rated("TaintToleration", pod, twice), 0);
  EXPECT_EQ(best(pod, {&clean, &twice, &once}), 1u);
}

}  // namespace
}  // namespace gantry::scheduler
