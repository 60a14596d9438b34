#include "nodes.hpp"

#include <gmock/gmock.h>

#include "testing.hpp"

namespace gantry::daemonset {
namespace {

using daemonset::testing::make_node;
using daemonset::testing::make_set;
using daemonset::testing::tainted;

constexpr Fit kWanted{.wanted = true, .may_stay = true}, kMayStay{.wanted = false, .may_stay = true}, kNone{};

Fit fit_on(const DaemonSet& set, const Node& node) { return Placement(set).on(node); }

TEST(PlacementFacts, AreAllThatIsReadOfANode) {
  auto node = tainted(make_node("n", {{"disk", "ssd"}, {"zone", "a"}}), "dedicated", "NoSchedule");
  node.mutable_metadata()->set_resource_version("12");
  node.mutable_spec()->set_pod_cidr("10.0.0.0/24");
  node.mutable_spec()->set_unschedulable(true);
  node.mutable_status()->add_images()->set_size_bytes(1'000'000);
  const auto facts = placement_facts(node.SerializeAsString());
  ASSERT_TRUE(facts);
  const auto expected = tainted(make_node("n", {{"disk", "ssd"}, {"zone", "a"}}), "dedicated", "NoSchedule");
  EXPECT_TRUE(same_facts(*facts, expected));
  EXPECT_FALSE(facts->has_status());
  EXPECT_TRUE(facts->metadata().resource_version().empty());
  EXPECT_EQ(facts->spec().pod_cidr(), "");
}

TEST(PlacementFacts, OfBytesThatAreNoNodeAreNone) {
  EXPECT_FALSE(placement_facts("\xff\xff"));
  EXPECT_FALSE(placement_facts(std::string_view("\x0a\x20zz", 4)));
  EXPECT_FALSE(placement_facts(std::string_view("\x0a\x02\x0a\x20", 4)));
  EXPECT_TRUE(placement_facts(""));
}

TEST(PlacementFacts, DifferByNameLabelsAndTaints) {
  const auto node = make_node("n", {{"a", "1"}});
  EXPECT_TRUE(same_facts(node, make_node("n", {{"a", "1"}})));
  EXPECT_FALSE(same_facts(node, make_node("m", {{"a", "1"}})));
  EXPECT_FALSE(same_facts(node, make_node("n", {{"a", "2"}})));
  EXPECT_FALSE(same_facts(node, tainted(node, "t", "NoSchedule")));
  EXPECT_FALSE(same_facts(tainted(node, "t", "NoExecute"), tainted(node, "t", "NoSchedule")));
}

TEST(Placement, ByNodeSelectorAndRequiredAffinity) {
  auto set = make_set();
  EXPECT_EQ(fit_on(set, make_node("n")), kWanted);
  auto& spec = *set.mutable_spec()->mutable_template_()->mutable_spec();
  (*spec.mutable_node_selector())["disk"] = "ssd";
  EXPECT_EQ(fit_on(set, make_node("n")), kNone);
  EXPECT_EQ(fit_on(set, make_node("n", {{"disk", "ssd"}})), kWanted);
  auto& expression = *spec.mutable_affinity()
                          ->mutable_node_affinity()
                          ->mutable_required_during_scheduling_ignored_during_execution()
                          ->add_node_selector_terms()
                          ->add_match_expressions();
  expression.set_key("zone");
  expression.set_operator_("Exists");
  EXPECT_EQ(fit_on(set, make_node("n", {{"disk", "ssd"}})), kNone);
  EXPECT_EQ(fit_on(set, make_node("n", {{"disk", "ssd"}, {"zone", "a"}})), kWanted);
}

TEST(Placement, ByTheNameInTheTemplate) {
  auto set = make_set();
  set.mutable_spec()->mutable_template_()->mutable_spec()->set_node_name("a");
  EXPECT_EQ(fit_on(set, make_node("a")), kWanted);
  EXPECT_EQ(fit_on(set, make_node("b")), kNone);
}

TEST(Placement, TaintsKeepPodsAwayAndNoExecuteEndsThem) {
  auto set = make_set();
  const auto node = make_node("n");
  EXPECT_EQ(fit_on(set, tainted(node, "dedicated", "NoSchedule")), kMayStay);
  EXPECT_EQ(fit_on(set, tainted(node, "dedicated", "NoExecute")), kNone);
  EXPECT_EQ(fit_on(set, tainted(node, "dedicated", "PreferNoSchedule")), kWanted);
  auto& toleration = *set.mutable_spec()->mutable_template_()->mutable_spec()->add_tolerations();
  toleration.set_key("dedicated");
  toleration.set_operator_("Exists");
  toleration.set_effect("NoExecute");
  EXPECT_EQ(fit_on(set, tainted(node, "dedicated", "NoExecute")), kWanted);
  EXPECT_EQ(fit_on(set, tainted(tainted(node, "dedicated", "NoExecute"), "other", "NoSchedule")), kMayStay);
}

TEST(Placement, TroublesOfANodeDoNotCount) {
  auto set = make_set();
  for (const char* trouble : {"disk-pressure", "memory-pressure", "pid-pressure", "unschedulable"}) {
    EXPECT_EQ(fit_on(set, tainted(make_node("n"), std::string("node.kubernetes.io/") + trouble, "NoSchedule")), kWanted)
        << trouble;
  }
  for (const char* trouble : {"not-ready", "unreachable"}) {
    EXPECT_EQ(fit_on(set, tainted(make_node("n"), std::string("node.kubernetes.io/") + trouble, "NoExecute")), kWanted)
        << trouble;
  }
  const auto offline = tainted(make_node("n"), "node.kubernetes.io/network-unavailable", "NoSchedule");
  EXPECT_EQ(fit_on(set, offline), kMayStay);
  set.mutable_spec()->mutable_template_()->mutable_spec()->set_host_network(true);
  EXPECT_EQ(fit_on(set, offline), kWanted);
}

}  // namespace
}  // namespace gantry::daemonset
