#include <gtest/gtest.h>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

corev1::TopologySpreadConstraint& spread_over(corev1::Pod& pod, const std::string& key, int32_t skew = 1) {
  auto& one = *pod.mutable_spec()->add_topology_spread_constraints();
  one.set_topology_key(key);
  one.set_max_skew(skew);
  one.set_when_unsatisfiable("DoNotSchedule");
  (*one.mutable_label_selector()->mutable_match_labels())["app"] = "web";
  return one;
}

struct SpreadFilter : testing::Test, Cluster {};

TEST_F(SpreadFilter, IsNotAskedWithoutConstraints) {
  EXPECT_FALSE(asks(read_waiting_pod(labeled_pod("web"))->filters, "PodTopologySpread"));
}

TEST_F(SpreadFilter, NoPlaceGetsAheadByMoreThanTheSkew) {
  zones("abc", 2);
  auto pod = labeled_pod("web");
  spread_over(pod, kZone);
  EXPECT_EQ(nodes_for(pod).size(), 6u);
  put(labeled_pod("web"), "a1");
  EXPECT_EQ(nodes_for(pod), (Said{"b1", "b2", "c1", "c2"}));
  put(labeled_pod("web"), "b1");
  EXPECT_EQ(nodes_for(pod), (Said{"c1", "c2"}));
  const auto last = put(labeled_pod("web"), "c2");
  EXPECT_EQ(nodes_for(pod).size(), 6u);
  cache.remove_pod(last);
  EXPECT_EQ(nodes_for(pod), (Said{"c1", "c2"}));
  pod.mutable_spec()->mutable_topology_spread_constraints(0)->set_max_skew(2);
  EXPECT_EQ(nodes_for(pod).size(), 6u);
}

TEST_F(SpreadFilter, CountsLivingPodsOfTheNamespaceThatTheSelectorMatches) {
  zones("ab", 1);
  auto pod = labeled_pod("web");
  spread_over(pod, kZone);
  put(labeled_pod("db"), "a1");
  put(labeled_pod("web", "other"), "a1");
  auto ending = labeled_pod("web");
  ending.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  put(ending, "a1");
  EXPECT_EQ(nodes_for(pod).size(), 2u);
  put(labeled_pod("web"), "a1");
  EXPECT_EQ(nodes_for(pod), Said{"b1"});
  // One that does not count itself may still go there.
  (*pod.mutable_metadata()->mutable_labels())["app"] = "else";
  EXPECT_EQ(nodes_for(pod).size(), 2u);
}

TEST_F(SpreadFilter, APodThatBeginsToEndCountsNoMore) {
  zones("ab", 1);
  auto pod = labeled_pod("web"), there = labeled_pod("web");
  spread_over(pod, kZone);
  there.mutable_metadata()->set_uid("there");
  cache.add_pod(read_pod(there), "a1");
  EXPECT_EQ(nodes_for(pod), Said{"b1"});
  there.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  cache.add_pod(read_pod(there), "a1");
  EXPECT_EQ(nodes_for(pod).size(), 2u);
  there.mutable_metadata()->clear_deletion_timestamp();
  (*there.mutable_metadata()->mutable_labels())["app"] = "else";
  cache.add_pod(read_pod(there), "a1");
  EXPECT_EQ(nodes_for(pod).size(), 2u);
}

TEST_F(SpreadFilter, NodesWithoutTheLabelAreNoPlace) {
  zones("ab", 1);
  node("bare", {});
  auto pod = labeled_pod("web");
  spread_over(pod, kZone);
  put(labeled_pod("web"), "bare");
  EXPECT_EQ(nodes_for(pod), (Said{"a1", "b1"}));
  (*pod.mutable_spec()->mutable_node_selector())["none"] = "x";
  const auto why = choose(pod);
  EXPECT_EQ(why.message, "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.");
  pod.mutable_spec()->clear_node_selector();
  cache.remove_node("a1");
  cache.remove_node("b1");
  const auto choice = choose(pod);
  EXPECT_EQ(
      choice.message,
      "0/1 nodes are available: 1 node(s) didn't match pod topology spread constraints (missing required label).");
  EXPECT_EQ(choice.helped_by, Changes::kNodeAdded | Changes::kLabels | Changes::kTaints | Changes::kNodeGone);
  EXPECT_EQ(choice.topics.size(), 1u);
}

TEST_F(SpreadFilter, FewerPlacesThanTheLeastCountAsAnEmptyOne) {
  zones("ab", 1);
  auto pod = labeled_pod("web");
  spread_over(pod, kZone).set_min_domains(3);
  put(labeled_pod("web"), "a1");
  EXPECT_EQ(nodes_for(pod), Said{"b1"});
  put(labeled_pod("web"), "b1");
  EXPECT_EQ(nodes_for(pod), Said{});
  zones("c", 1);
  EXPECT_EQ(nodes_for(pod), Said{"c1"});
}

TEST_F(SpreadFilter, NodesThatThePodCanNotGoToAreNoPlacesUnlessToldSo) {
  zones("abc", 1);
  auto pod = labeled_pod("web");
  auto& constraint = spread_over(pod, kZone);
  auto& term = *pod.mutable_spec()
                    ->mutable_affinity()
                    ->mutable_node_affinity()
                    ->mutable_required_during_scheduling_ignored_during_execution()
                    ->add_node_selector_terms();
  auto& wanted = *term.add_match_expressions();
  wanted.set_key(kZone);
  wanted.set_operator_("In");
  wanted.add_values("a");
  wanted.add_values("b");
  put(labeled_pod("web"), "a1");
  put(labeled_pod("web"), "b1");
  EXPECT_EQ(nodes_for(pod), (Said{"a1", "b1"})) << "c does not count";
  constraint.set_node_affinity_policy("Ignore");
  EXPECT_EQ(nodes_for(pod), Said{}) << "c has none, and can't be gone to";
}

TEST_F(SpreadFilter, TaintsCountWhenToldSo) {
  zones("ab", 1);
  auto tainted = cache.nodes()[1]->facts;
  tainted.taints = {taint_with("NoSchedule")};
  cache.set_node(tainted);
  auto pod = labeled_pod("web");
  auto& constraint = spread_over(pod, kZone);
  put(labeled_pod("web"), "a1");
  EXPECT_EQ(nodes_for(pod), Said{});
  constraint.set_node_taints_policy("Honor");
  EXPECT_EQ(nodes_for(pod), Said{"a1"});
  tainted.taints.clear();
  cache.set_node(tainted);
  EXPECT_EQ(nodes_for(pod), Said{"b1"}) << "the node is a place again";
}

TEST_F(SpreadFilter, LabelKeysTakeThePodsOwnValue) {
  zones("ab", 1);
  auto pod = labeled_pod("web");
  (*pod.mutable_metadata()->mutable_labels())["hash"] = "new";
  spread_over(pod, kZone).add_match_label_keys("hash");
  auto old = labeled_pod("web");
  (*old.mutable_metadata()->mutable_labels())["hash"] = "old";
  put(old, "a1");
  EXPECT_EQ(nodes_for(pod).size(), 2u);
  put(pod, "a1");
  EXPECT_EQ(nodes_for(pod), Said{"b1"});
}

TEST_F(SpreadFilter, AllConstraintsHaveToHold) {
  zones("ab", 2);
  auto pod = labeled_pod("web");
  spread_over(pod, kZone);
  spread_over(pod, kHost);
  put(labeled_pod("web"), "a1");
  EXPECT_EQ(nodes_for(pod), (Said{"b1", "b2"}));
  put(labeled_pod("web"), "b1");
  EXPECT_EQ(nodes_for(pod), (Said{"a2", "b2"}));
}

TEST_F(SpreadFilter, NodesThatChangeOrGoTakeTheirPodsAlong) {
  zones("abc", 1);
  auto pod = labeled_pod("web");
  spread_over(pod, kZone);
  put(labeled_pod("web"), "a1");
  put(labeled_pod("web"), "b1");
  EXPECT_EQ(nodes_for(pod), Said{"c1"});
  node("a1", {{kHost, "a1"}, {kZone, "c"}});
  EXPECT_EQ(nodes_for(pod), (Said{"a1", "b1", "c1"})) << "there are b and c, with one each";
  cache.remove_node("b1");
  EXPECT_EQ(nodes_for(pod), (Said{"a1", "c1"}));
  zones("b", 1);  // with its pod
  EXPECT_EQ(nodes_for(pod).size(), 3u);
  put(labeled_pod("web"), "b1");
  EXPECT_EQ(nodes_for(pod), (Said{"a1", "c1"}));
}

}  // namespace
}  // namespace gantry::scheduler
