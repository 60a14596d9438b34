#include "core/scheduler/tallies.hpp"

#include <gtest/gtest.h>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

Count count_of(const std::string& app, const std::string& key) {
  Count count;
  count.by = key;
  Selection who;
  who.namespaces = {"default"};
  (*who.pods.emplace().mutable_match_labels())["app"] = app;
  count.who.all = {who};
  count.finish();
  return count;
}

struct TalliesTest : testing::Test, Cluster {};

TEST_F(TalliesTest, AreKeptAsPodsComeAndGo) {
  zones("ab", 2);
  put(labeled_pod("web"), "a1");
  const Tally& tally = cache.tallies().tally(count_of("web", "topology.kubernetes.io/zone"));
  EXPECT_EQ(tally.total, 1);
  EXPECT_EQ(tally.domain_count, 2u);
  EXPECT_EQ(tally.least(), 0);
  const auto second = put(labeled_pod("web"), "b1");
  EXPECT_EQ(tally.least(), 1);
  EXPECT_EQ(&cache.tallies().tally(count_of("web", "topology.kubernetes.io/zone")), &tally);
  cache.remove_pod(second);
  EXPECT_EQ(tally.least(), 0);
  put(labeled_pod("web"), "unknown");
  EXPECT_EQ(tally.total, 1) << "there is no such node yet";
  node("unknown", {{"topology.kubernetes.io/zone", "c"}});
  EXPECT_EQ(tally.total, 2);
  EXPECT_EQ(tally.domain_count, 3u);
}

TEST_F(TalliesTest, OnesThatNobodyAsksForAreForgotten) {
  zones("a", 1);
  const auto topic = cache.tallies().tally(count_of("web", "kubernetes.io/hostname")).group->topic;
  for (int i = 0; i < 1024; ++i)
    cache.tallies().tally(count_of("app-" + std::to_string(i), "key-" + std::to_string(i % 7)));
  cache.tallies().take_touched();
  cache.tallies().trim();
  EXPECT_EQ(cache.tallies().tally_count(), 1024u);
  EXPECT_EQ(cache.tallies().take_touched(), std::vector<uint64_t>{topic}) << "who waits for word of it asks anew";
  put(labeled_pod("web"), "a1");
  EXPECT_EQ(cache.tallies().tally(count_of("web", "kubernetes.io/hostname")).total, 1);
}

TEST_F(TalliesTest, TermsGoWithTheLastPodThatHoldsThem) {
  zones("a", 1);
  auto pod = labeled_pod("web");
  auto& term = *pod.mutable_spec()
                    ->mutable_affinity()
                    ->mutable_pod_anti_affinity()
                    ->add_required_during_scheduling_ignored_during_execution();
  term.set_topology_key("kubernetes.io/hostname");
  (*term.mutable_label_selector()->mutable_match_labels())["app"] = "web";
  const auto one = put(pod, "a1"), two = put(pod, "nowhere");
  EXPECT_EQ(cache.tallies().held_count(), 1u);
  EXPECT_EQ(cache.tallies().held_about(*read_pod(pod)).size(), 1u);
  cache.remove_pod(one);
  EXPECT_EQ(cache.tallies().held_count(), 1u);
  cache.remove_pod(two);
  EXPECT_EQ(cache.tallies().held_count(), 0u);
  EXPECT_TRUE(cache.tallies().held_about(*read_pod(pod)).empty());
}

TEST(MatcherIndex, FindsByLabelAndByNone) {
  NamespaceLabels namespaces;
  MatcherIndex index;
  Matcher exact = count_of("web", "k").who, loose = exact, other = count_of("db", "k").who;
  auto& requirement = *loose.all[0].pods.emplace().add_match_expressions();
  requirement.set_key("app");
  requirement.set_operator_("NotIn");
  requirement.add_values("db");
  for (auto* one : {&exact, &loose, &other}) index.add(*one);
  EXPECT_EQ(index.about(*read_pod(labeled_pod("web")), namespaces).size(), 2u);
  EXPECT_EQ(index.about(*read_pod(labeled_pod("db")), namespaces), std::vector<Matcher*>{&other});
  EXPECT_TRUE(index.about(*read_pod(labeled_pod("web", "other")), namespaces).empty());
  index.remove(loose);
  EXPECT_EQ(index.about(*read_pod(labeled_pod("web")), namespaces), std::vector<Matcher*>{&exact});
}

}  // namespace
}  // namespace gantry::scheduler
