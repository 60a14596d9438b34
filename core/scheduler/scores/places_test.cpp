// The scores that count pods nearby.
#include <gtest/gtest.h>

#include <cmath>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

corev1::Pod owned(const std::string& kind, const std::string& uid) {
  auto pod = labeled_pod("web");
  auto& owner = *pod.mutable_metadata()->add_owner_references();
  owner.set_kind(kind);
  owner.set_uid(uid);
  owner.set_controller(true);
  return pod;
}

struct PlaceScores : testing::Test, Cluster {};

TEST_F(PlaceScores, PodsOfOneOwnerSpreadByDefault) {
  zones("ab", 2);
  const auto pod = owned("ReplicaSet", "rs");
  for (const char* name : {"a1", "a1", "a2"}) put(pod, name);
  put(owned("ReplicaSet", "other"), "b1");
  // By node 2 * ln 6 + 2, by zone 3 * ln 4 + 4.
  EXPECT_EQ(rated("PodTopologySpread", pod, "a1"), std::lround(2 * std::log(6.0) + 3 * std::log(4.0) + 6));
  EXPECT_EQ(rated("PodTopologySpread", pod, "b1"), 6);
  EXPECT_EQ(node_for(pod), "b1") << "what others have there does not count";
  EXPECT_FALSE(asks(read_waiting_pod(labeled_pod("web"))->scores, "PodTopologySpread"));
  EXPECT_FALSE(asks(read_waiting_pod(owned("Job", "job"))->scores, "PodTopologySpread"));
}

TEST_F(PlaceScores, WishesToSpreadTakeThePlaceOfTheDefault) {
  zones("ab", 1);
  node("bare", {});
  auto pod = owned("ReplicaSet", "rs");
  auto& wish = *pod.mutable_spec()->add_topology_spread_constraints();
  wish.set_topology_key(kZone);
  wish.set_max_skew(1);
  wish.set_when_unsatisfiable("ScheduleAnyway");
  (*wish.mutable_label_selector()->mutable_match_labels())["app"] = "web";
  put(labeled_pod("web"), "a1");
  put(labeled_pod("web"), "a1");
  EXPECT_EQ(rated("PodTopologySpread", pod, "a1"), std::lround(2 * std::log(4.0)));
  EXPECT_EQ(rated("PodTopologySpread", pod, "b1"), 0);
  EXPECT_EQ(rated("PodTopologySpread", pod, "bare"), -1) << "is no place at all";
  EXPECT_EQ(node_for(pod), "b1");
  EXPECT_EQ(nodes_for(pod).size(), 3u);
}

TEST_F(PlaceScores, WishesForNeighboursOfBothSides) {
  zones("abc", 1);
  auto pod = labeled_pod("web");
  const auto wish = [](auto* terms, const std::string& app, int32_t weight) {
    auto& one = *terms->add_preferred_during_scheduling_ignored_during_execution();
    one.set_weight(weight);
    one.mutable_pod_affinity_term()->set_topology_key(kHost);
    (*one.mutable_pod_affinity_term()->mutable_label_selector()->mutable_match_labels())["app"] = app;
  };
  wish(pod.mutable_spec()->mutable_affinity()->mutable_pod_affinity(), "db", 10);
  wish(pod.mutable_spec()->mutable_affinity()->mutable_pod_anti_affinity(), "noise", 5);
  put(labeled_pod("db"), "a1");
  put(labeled_pod("db"), "a1");
  put(labeled_pod("noise"), "b1");
  EXPECT_EQ(rated("InterPodAffinity", pod, "a1"), 20);
  EXPECT_EQ(rated("InterPodAffinity", pod, "b1"), -5);
  EXPECT_EQ(rated("InterPodAffinity", pod, "c1"), 0);
  EXPECT_EQ(node_for(pod), "a1");
  auto fond = labeled_pod("fond"), shy = labeled_pod("shy"), bound = labeled_pod("bound");
  wish(fond.mutable_spec()->mutable_affinity()->mutable_pod_affinity(), "web", 30);
  wish(shy.mutable_spec()->mutable_affinity()->mutable_pod_anti_affinity(), "web", 7);
  auto& need = *bound.mutable_spec()
                    ->mutable_affinity()
                    ->mutable_pod_affinity()
                    ->add_required_during_scheduling_ignored_during_execution();
  need.set_topology_key(kHost);
  (*need.mutable_label_selector()->mutable_match_labels())["app"] = "web";
  put(fond, "c1");
  put(shy, "a1");
  put(bound, "b1");
  EXPECT_EQ(rated("InterPodAffinity", pod, "a1"), 13);
  EXPECT_EQ(rated("InterPodAffinity", pod, "b1"), -4) << "a rule of others counts 1";
  EXPECT_EQ(rated("InterPodAffinity", pod, "c1"), 30);
  EXPECT_EQ(node_for(pod), "c1");
  EXPECT_EQ(rated("InterPodAffinity", labeled_pod("web"), "c1"), 30) << "though it has no wishes itself";
}

}  // namespace
}  // namespace gantry::scheduler
