#include <gtest/gtest.h>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

corev1::PodAffinityTerm term_for(const std::string& app, const std::string& key) {
  corev1::PodAffinityTerm term;
  term.set_topology_key(key);
  (*term.mutable_label_selector()->mutable_match_labels())["app"] = app;
  return term;
}
corev1::PodAffinityTerm& near_to(corev1::Pod& pod, const std::string& app, const std::string& key) {
  auto& term = *pod.mutable_spec()
                    ->mutable_affinity()
                    ->mutable_pod_affinity()
                    ->add_required_during_scheduling_ignored_during_execution();
  return term = term_for(app, key);
}
corev1::PodAffinityTerm& far_from(corev1::Pod& pod, const std::string& app, const std::string& key) {
  auto& term = *pod.mutable_spec()
                    ->mutable_affinity()
                    ->mutable_pod_anti_affinity()
                    ->add_required_during_scheduling_ignored_during_execution();
  return term = term_for(app, key);
}

struct AffinityFilter : testing::Test, Cluster {};

TEST_F(AffinityFilter, GoesWhereThePodsAreThatItWantsNear) {
  zones("ab", 2);
  auto pod = labeled_pod("web");
  near_to(pod, "db", kZone);
  EXPECT_EQ(choose(pod).message, "0/4 nodes are available: 4 node(s) didn't match pod affinity rules.");
  put(labeled_pod("db", "other"), "a1");
  EXPECT_EQ(nodes_for(pod), Said{});
  const auto there = put(labeled_pod("db"), "b2");
  EXPECT_EQ(nodes_for(pod), (Said{"b1", "b2"}));
  cache.remove_pod(there);
  EXPECT_EQ(nodes_for(pod), Said{});
}

TEST_F(AffinityFilter, TheFirstOfAGroupMayGoAnywhereThatHasTheLabel) {
  zones("ab", 1);
  node("bare", {});
  auto pod = labeled_pod("web");
  near_to(pod, "web", kZone);
  EXPECT_EQ(nodes_for(pod), (Said{"a1", "b1"}));
  put(pod, "b1");
  EXPECT_EQ(nodes_for(pod), Said{"b1"});
}

// All terms have to be about the same pods.
TEST_F(AffinityFilter, OnlyPodsThatAllTermsAreAboutCount) {
  zones("ab", 1);
  auto pod = labeled_pod("web");
  near_to(pod, "db", kZone);
  auto& second = near_to(pod, "x", kHost);
  second.mutable_label_selector()->clear_match_labels();
  (*second.mutable_label_selector()->mutable_match_labels())["tier"] = "1";
  put(labeled_pod("db"), "a1");
  EXPECT_EQ(nodes_for(pod), Said{});
  auto both = labeled_pod("db");
  (*both.mutable_metadata()->mutable_labels())["tier"] = "1";
  put(both, "b1");
  EXPECT_EQ(nodes_for(pod), Said{"b1"});
}

TEST_F(AffinityFilter, KeepsAwayFromWhatItForbids) {
  zones("ab", 2);
  auto pod = labeled_pod("web");
  far_from(pod, "web", kHost);
  for (const char* name : {"a1", "a2", "b1"}) put(labeled_pod("web"), name);
  EXPECT_EQ(nodes_for(pod), Said{"b2"});
  put(labeled_pod("web"), "b2");
  const auto choice = choose(pod);
  EXPECT_EQ(choice.message, "0/4 nodes are available: 4 node(s) didn't match pod anti-affinity rules.");
  EXPECT_EQ(choice.helped_by, Changes::kNodeAdded | Changes::kLabels);
  EXPECT_EQ(choice.topics.size(), 1u);
}

TEST_F(AffinityFilter, PodsThatAreThereForbidOthers) {
  zones("ab", 1);
  auto hermit = labeled_pod("hermit");
  far_from(hermit, "web", kZone);
  const auto there = put(hermit, "a1");
  EXPECT_EQ(nodes_for(labeled_pod("web")), Said{"b1"});
  EXPECT_EQ(nodes_for(labeled_pod("db")).size(), 2u);
  EXPECT_EQ(nodes_for(labeled_pod("web", "other")).size(), 2u);
  put(hermit, "b1");
  const auto choice = choose(labeled_pod("web"));
  EXPECT_EQ(choice.message, "0/2 nodes are available: 2 node(s) didn't satisfy existing pods anti-affinity rules.");
  EXPECT_EQ(choice.topics.size(), 1u);
  cache.tallies().take_touched();
  cache.remove_pod(there);
  EXPECT_EQ(cache.tallies().take_touched(), choice.topics) << "who waits is told";
  EXPECT_EQ(nodes_for(labeled_pod("web")), Said{"a1"});
}

TEST_F(AffinityFilter, NamespacesByNameAndByLabel) {
  zones("ab", 1);
  auto pod = labeled_pod("web");
  auto& term = far_from(pod, "db", kHost);
  term.add_namespaces("one");
  put(labeled_pod("db"), "a1");
  EXPECT_EQ(nodes_for(pod).size(), 2u) << "its own namespace is not named";
  put(labeled_pod("db", "one"), "b1");
  EXPECT_EQ(nodes_for(pod), Said{"a1"});
  (*term.mutable_namespace_selector()->mutable_match_labels())["team"] = "x";
  EXPECT_EQ(nodes_for(pod), Said{"a1"});
  sdk::LabelMap labels;
  labels["team"] = "x";
  cache.tallies().set_namespace("default", &labels);
  EXPECT_EQ(nodes_for(pod), Said{});
  cache.tallies().set_namespace("default", nullptr);
  EXPECT_EQ(nodes_for(pod), Said{"a1"});
  term.mutable_namespace_selector()->Clear();  // all
  EXPECT_EQ(nodes_for(pod), Said{});
}

TEST_F(AffinityFilter, OfOthersNamespacesByLabel) {
  zones("ab", 1);
  auto hermit = labeled_pod("hermit", "one");
  (*far_from(hermit, "web", kHost).mutable_namespace_selector()->mutable_match_labels())["team"] = "x";
  put(hermit, "a1");
  EXPECT_EQ(nodes_for(labeled_pod("web")).size(), 2u);
  sdk::LabelMap labels;
  labels["team"] = "x";
  cache.tallies().set_namespace("default", &labels);
  EXPECT_EQ(nodes_for(labeled_pod("web")), Said{"b1"});
}

TEST_F(AffinityFilter, ATermWithoutSelectorIsAboutNobody) {
  zones("a", 1);
  auto pod = labeled_pod("web");
  far_from(pod, "web", kHost).clear_label_selector();
  put(labeled_pod("web"), "a1");
  put(pod, "a1");
  EXPECT_EQ(nodes_for(pod), Said{"a1"});
  near_to(pod, "web", kHost).clear_label_selector();
  EXPECT_EQ(nodes_for(pod), Said{});
}

TEST_F(AffinityFilter, NodesThatChangeTakeTheirPodsAlong) {
  zones("ab", 1);
  auto hermit = labeled_pod("hermit");
  far_from(hermit, "web", kZone);
  put(hermit, "a1");
  EXPECT_EQ(nodes_for(labeled_pod("web")), Said{"b1"});
  node("a1", {{kHost, "a1"}, {kZone, "b"}});
  EXPECT_EQ(nodes_for(labeled_pod("web")), Said{});
  node("a1", {{kHost, "a1"}});
  EXPECT_EQ(nodes_for(labeled_pod("web")), (Said{"a1", "b1"}));
  cache.remove_node("a1");
  zones("a", 1);
  EXPECT_EQ(nodes_for(labeled_pod("web")), Said{"b1"});
}

}  // namespace
}  // namespace gantry::scheduler
