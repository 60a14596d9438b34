#include "core/scheduler/choose.hpp"

#include <gtest/gtest.h>

#include "core/scheduler/scheduler_testing.hpp"

namespace gantry::scheduler {
namespace {

struct ChooseTest : testing::Test {
  void add(const std::string& name, const std::string& cpu) {
    auto facts = node_with(cpu, "4Gi").facts;
    facts.name = name;
    cache.set_node(facts);
  }
  Choice chosen(const corev1::Pod& pod, size_t first = 0) { return choose(*read_waiting_pod(pod), cache, first); }
  NodeCache cache;
};

TEST_F(ChooseTest, WithoutNodesANewOneHelps) {
  const auto choice = chosen(pod_with("1", ""));
  EXPECT_EQ(choice.node, nullptr);
  EXPECT_EQ(choice.message, "no nodes available to schedule pods");
  EXPECT_EQ(choice.helped_by, Changes::kNodeAdded);
}

TEST_F(ChooseTest, SaysWhyAllOfThemCanNotAndWhatHelps) {
  add("n1", "1");
  add("n2", "1");
  add("n3", "4");
  auto tainted = cache.nodes()[2]->facts;
  tainted.taints = {taint_with("NoSchedule")};
  EXPECT_EQ(cache.set_node(tainted), Changes::kTaints);
  const auto choice = chosen(pod_with("2", ""));
  EXPECT_EQ(choice.node, nullptr);
  EXPECT_EQ(choice.message, "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu.");
  EXPECT_EQ(choice.helped_by, Changes::kNodeAdded | Changes::kTaints | Changes::kAllocatable | Changes::kPodGone);
  EXPECT_EQ(choice.looked, 3u);
}

// Of 150 nodes 100 are enough; the next pod begins where this one ended.
TEST_F(ChooseTest, LooksAtEnoughNodesRoundAbout) {
  for (int i = 0; i < 150; ++i) add("n" + std::to_string(i), i < 120 ? "4" : "1");
  const auto first = chosen(pod_with("1", ""));
  EXPECT_EQ(first.looked, 100u);
  EXPECT_EQ(first.node->facts.name, "n0");
  const auto second = chosen(pod_with("1", ""), 100);
  EXPECT_EQ(second.looked, 100u);
  EXPECT_EQ(second.node->facts.name, "n100");
  const auto large = chosen(pod_with("2", ""), 100);
  EXPECT_EQ(large.looked, 130u) << "30 could not";
  add("n150", "4");
  EXPECT_EQ(chosen(pod_with("1", ""), 150).node->facts.name, "n150");
}

// As a daemon's pod does: no other node is asked, so that many nodes cost it nothing.
TEST_F(ChooseTest, APodThatNamesItsNodeGoesThereOrNowhere) {
  for (int i = 0; i < 150; ++i) add("n" + std::to_string(i), i == 7 ? "1" : "4");
  const auto pod_for = [this](const std::string& node) {
    auto pod = pod_with("2", "");
    auto& term = *pod.mutable_spec()
                      ->mutable_affinity()
                      ->mutable_node_affinity()
                      ->mutable_required_during_scheduling_ignored_during_execution()
                      ->add_node_selector_terms();
    auto& field = *term.add_match_fields();
    field.set_key("metadata.name");
    field.set_operator_("In");
    field.add_values(node);
    return choose(*read_waiting_pod(pod), cache, 3);
  };
  const auto found = pod_for("n149");
  ASSERT_NE(found.node, nullptr);
  EXPECT_EQ(found.node->facts.name, "n149");
  EXPECT_EQ(found.looked, 0u) << "whose turn it is stays";
  const auto full = pod_for("n7");
  EXPECT_EQ(full.node, nullptr);
  EXPECT_EQ(full.message,
            "0/150 nodes are available: 1 Insufficient cpu, 149 node(s) didn't satisfy plugin(s) [NodeAffinity].");
  EXPECT_EQ(full.helped_by, Changes::kNodeAdded | Changes::kAllocatable | Changes::kPodGone);
  const auto gone = pod_for("n150");
  EXPECT_EQ(gone.message, "0/150 nodes are available: 150 node(s) didn't satisfy plugin(s) [NodeAffinity].");
  EXPECT_EQ(gone.helped_by, Changes::kNodeAdded);
}

}  // namespace
}  // namespace gantry::scheduler
