#include "plan.hpp"

#include <gmock/gmock.h>

#include "testing.hpp"

namespace gantry::daemonset {
namespace {

using daemonset::testing::Field;
using daemonset::testing::kNow;
using daemonset::testing::make_node;
using daemonset::testing::set_limits;
using daemonset::testing::tainted;
using State = Field::State;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct PlanTest : ::testing::Test {
  Upkeep upkeep(int64_t failed_wait_ms = 0) {
    const auto view = field.view();
    return plan_upkeep(view, field.seats, [=](const std::string&) { return failed_wait_ms; });
  }
  Field field;
};

TEST_F(PlanTest, EveryNodeThatFitsGetsOne) {
  field.nodes = {make_node("a"), make_node("b"), tainted(make_node("c"), "t", "NoSchedule")};
  field.add("b", "new");
  const auto plan = upkeep().plan;
  EXPECT_THAT(plan.create, ElementsAre("a"));
  EXPECT_THAT(plan.remove, IsEmpty());
}

TEST_F(PlanTest, ANodeWhosePodEndsWaitsForTheEnd) {
  field.nodes = {make_node("a")};
  field.add_ending("a", "old");
  EXPECT_TRUE(upkeep().plan.empty());
}

TEST_F(PlanTest, OneThatIsOverAndOnlyHeldByAFinalizerIsNoMore) {
  field.nodes = {make_node("a")};
  *field.add("a", "old", State::kFailed).mutable_metadata()->mutable_deletion_timestamp() = to_time(kNow);
  EXPECT_THAT(upkeep().plan.create, ElementsAre("a"));
}

TEST_F(PlanTest, OnlyTheOldestStaysAndPlacedOnesBeforeWaitingOnes) {
  field.nodes = {make_node("a")};
  field.add("a", "new", State::kPending, 500);  // pod-0
  field.add("a", "new", State::kReady, 100);    // pod-1
  field.add("a", "new", State::kRunning, 200);  // pod-2
  const auto plan = upkeep().plan;
  EXPECT_THAT(Field::names(plan.remove), ElementsAre("pod-0", "pod-1"));
  EXPECT_THAT(plan.create, IsEmpty());
}

TEST_F(PlanTest, PodsGoWhereTheyMayNotStay) {
  field.nodes = {tainted(make_node("a"), "t", "NoSchedule"), tainted(make_node("b"), "t", "NoExecute"),
                 make_node("c", {{"x", "y"}})};
  field.add("a", "new");         // pod-0
  field.add("b", "new");         // pod-1
  field.add_ending("b", "new");  // pod-2
  EXPECT_THAT(Field::names(upkeep().plan.remove), ElementsAre("pod-1"));
  (*field.set.mutable_spec()->mutable_template_()->mutable_spec()->mutable_node_selector())["x"] = "y";
  EXPECT_THAT(Field::names(upkeep().plan.remove), ElementsAre("pod-0", "pod-1"));
}

TEST_F(PlanTest, WhatWaitsForANodeThatIsGoneGoes) {
  field.add("gone", "new", State::kPending);  // pod-0
  field.add("gone", "new", State::kReady);    // pod-1
  *field.add("gone", "new", State::kPending).mutable_metadata()->mutable_deletion_timestamp() = to_time(kNow);
  EXPECT_THAT(Field::names(upkeep().plan.remove), ElementsAre("pod-0"));
}

TEST_F(PlanTest, FailedOnesGoWhenTheyMayAndTheirSuccessorsComeLater) {
  field.nodes = {make_node("a")};
  field.add("a", "new", State::kFailed);
  const auto now = upkeep();
  EXPECT_THAT(Field::names(now.plan.remove), ElementsAre("pod-0"));
  EXPECT_THAT(now.plan.create, IsEmpty());
  ASSERT_EQ(now.notices.size(), 1u);
  EXPECT_STREQ(now.notices[0].type, "Warning");
  EXPECT_STREQ(now.notices[0].reason, "FailedDaemonPod");
  EXPECT_EQ(now.notices[0].message, "Found failed daemon pod shop/pod-0 on node a, will try to kill it");
  const auto later = upkeep(4'000);
  EXPECT_TRUE(later.plan.empty());
  EXPECT_THAT(later.notices, IsEmpty());
  EXPECT_EQ(later.wait_ms, 4'000);
}

TEST_F(PlanTest, TheFirstFailedOneThatMayGoDecidesWhenToLookAgain) {
  for (const char* name : {"a", "b", "c"}) {
    field.nodes.push_back(make_node(name));
    field.add(name, "new", State::kFailed);
  }
  const auto view = field.view();
  const auto later = plan_upkeep(view, field.seats,
                                 [](const std::string& node) { return node == "b" ? int64_t{2'000} : int64_t{8'000}; });
  EXPECT_EQ(later.wait_ms, 2'000);
}

TEST_F(PlanTest, SucceededOnesGoAtOnce) {
  field.nodes = {make_node("a")};
  field.add("a", "new", State::kSucceeded);
  const auto now = upkeep(4'000);
  EXPECT_THAT(Field::names(now.plan.remove), ElementsAre("pod-0"));
  EXPECT_STREQ(now.notices.at(0).type, "Normal");
  EXPECT_EQ(now.notices[0].message, "Found succeeded daemon pod shop/pod-0 on node a, will try to delete it");
}

TEST_F(PlanTest, WithASurgeANewOneNeedNotWaitForTheEndOfTheOld) {
  set_limits(field.set, 0, 1);
  field.nodes = {make_node("a"), make_node("b")};
  field.add_ending("a", "old");
  field.add("b", "old");
  EXPECT_THAT(upkeep().plan.create, ElementsAre("a"));
}

TEST_F(PlanTest, WithASurgeTwoMayBeThereWhileTheNewOneDoesNotWork) {
  set_limits(field.set, 0, 1);
  field.set.mutable_spec()->set_min_ready_seconds(10);
  field.nodes = {make_node("a"), make_node("b"), make_node("c"), make_node("d")};
  field.add("a", "old");                      // pod-0
  field.add("a", "new", State::kRunning);     // pod-1
  field.add("b", "old", State::kRunning);     // pod-2: does not work
  field.add("b", "new", State::kRunning);     // pod-3
  field.add("c", "old");                      // pod-4
  field.add("c", "new", State::kReady, 10);   // pod-5: available
  field.add("d", "old");                      // pod-6
  field.add("d", "new", State::kReady, 9);    // pod-7: not yet
  field.add("d", "new", State::kPending, 5);  // pod-8: one too many
  field.add("d", "older", State::kReady, 5);  // pod-9: one too many
  EXPECT_THAT(Field::names(upkeep().plan.remove), ElementsAre("pod-2", "pod-4", "pod-8", "pod-9"));
}

TEST(AllowsSurge, OnlyInARollingUpdateThatSaysSo) {
  auto set = daemonset::testing::make_set();
  EXPECT_FALSE(allows_surge(set));
  set_limits(set, 1, 0);
  EXPECT_FALSE(allows_surge(set));
  auto& surge = *set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update()->mutable_max_surge();
  surge.set_type(1);
  surge.set_str_val("10%");
  EXPECT_TRUE(allows_surge(set));
  set.mutable_spec()->mutable_update_strategy()->set_type("OnDelete");
  EXPECT_FALSE(allows_surge(set));
}

}  // namespace
}  // namespace gantry::daemonset
