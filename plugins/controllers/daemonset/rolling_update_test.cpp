#include "rolling_update.hpp"

#include <gmock/gmock.h>

#include "testing.hpp"

namespace gantry::daemonset {
namespace {

using daemonset::testing::Field;
using daemonset::testing::make_node;
using daemonset::testing::set_limits;
using daemonset::testing::tainted;
using State = Field::State;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct RollingTest : ::testing::Test {
  RollingTest() {
    for (const char* name : {"a", "b", "c", "d"}) field.nodes.push_back(make_node(name));
  }
  Plan plan(int32_t unavailable, int32_t surge) {
    set_limits(field.set, unavailable, surge);
    const auto view = field.view();
    const auto limits = limits_of(field.set, count_wanted(field.seats));
    EXPECT_TRUE(limits.ok());
    return plan_rolling_update(view, field.seats, *limits);
  }
  void old_everywhere() {
    for (const auto& node : field.nodes) field.add(node.metadata().name(), "old");
  }
  Field field;
};

TEST_F(RollingTest, NothingToDoWhereAllAreNew) {
  for (const auto& node : field.nodes) field.add(node.metadata().name(), "new");
  EXPECT_TRUE(plan(1, 0).empty());
  EXPECT_TRUE(plan(0, 1).empty());
}

TEST_F(RollingTest, InPlaceSoManyGoAsMayBeMissed) {
  old_everywhere();
  EXPECT_EQ(plan(1, 0).remove.size(), 1u);
  EXPECT_EQ(plan(3, 0).remove.size(), 3u);
  EXPECT_EQ(plan(9, 0).remove.size(), 4u);
  EXPECT_THAT(plan(9, 0).create, IsEmpty());
}

TEST_F(RollingTest, InPlaceWhoeverIsMissedAlreadyCounts) {
  field.add("a", "old");                   // pod-0
  field.add("b", "new", State::kRunning);  // does not work yet
  field.add_ending("c", "old");
  field.add("d", "old");  // pod-3
  EXPECT_THAT(plan(2, 0).remove, IsEmpty());
  EXPECT_THAT(Field::names(plan(3, 0).remove), ElementsAre("pod-0"));
}

TEST_F(RollingTest, InPlaceOldOnesThatDoNotWorkGoAtAnyTime) {
  field.add("a", "old", State::kRunning);  // pod-0
  field.add("b", "old", State::kPending);  // pod-1
  field.add("c", "old");
  field.add("d", "new");
  EXPECT_THAT(Field::names(plan(1, 0).remove), ElementsAre("pod-0", "pod-1"));
  EXPECT_THAT(Field::names(plan(3, 0).remove), ElementsAre("pod-0", "pod-1", "pod-2"));
}

TEST_F(RollingTest, MinReadySecondsDecideWhetherOneWorks) {
  field.set.mutable_spec()->set_min_ready_seconds(60);
  field.add("a", "new", State::kReady, 59);
  field.add("b", "old");
  field.add("c", "old");
  field.add("d", "new");
  EXPECT_THAT(plan(1, 0).remove, IsEmpty());
  field.set.mutable_spec()->set_min_ready_seconds(59);
  EXPECT_EQ(plan(1, 0).remove.size(), 1u);
}

TEST_F(RollingTest, NodesWithSeveralOfAKindAreLeftToUpkeep) {
  old_everywhere();
  field.add("a", "old");
  EXPECT_THAT(plan(1, 0).remove, IsEmpty()) << "it counts as missed";
  EXPECT_EQ(plan(2, 0).remove.size(), 1u);
  EXPECT_THAT(plan(0, 1).create, IsEmpty()) << "and as surging";
}

TEST_F(RollingTest, ASurgeMakesNewOnesFirst) {
  old_everywhere();
  const auto one = plan(0, 1);
  EXPECT_THAT(one.create, ElementsAre("a"));
  EXPECT_THAT(one.remove, IsEmpty());
  EXPECT_THAT(plan(0, 3).create, ElementsAre("a", "b", "c"));
}

TEST_F(RollingTest, ASurgeGoesOnWhereTheNewOneWorks) {
  old_everywhere();
  field.add("a", "new");                   // works: the old one goes
  field.add("b", "new", State::kRunning);  // still surging
  const auto one = plan(0, 1);
  EXPECT_THAT(Field::names(one.remove), ElementsAre("pod-0"));
  EXPECT_THAT(one.create, IsEmpty());
  EXPECT_THAT(plan(0, 2).create, ElementsAre("c"));
}

TEST_F(RollingTest, ASurgeReplacesWhatDoesNotWorkAtOnce) {
  field.add("a", "old", State::kRunning);
  field.add("b", "old", State::kRunning);
  field.add("c", "old");
  field.add("d", "old");
  EXPECT_THAT(plan(0, 1).create, ElementsAre("a", "b", "c"));
}

// The set moved from a and b to c and d: pods of a and b stay until others make up for them.
TEST_F(RollingTest, WithASurgePodsOfUnwantedNodesStayAsLongAsTheyAreNeeded) {
  field.nodes[0] = tainted(make_node("a"), "t", "NoSchedule");
  field.nodes[1] = tainted(make_node("b"), "t", "NoSchedule");
  field.add("a", "old");                   // pod-0
  field.add("b", "old");                   // pod-1
  field.add("c", "new", State::kRunning);  // pod-2
  field.add("d", "new", State::kRunning);  // pod-3
  EXPECT_TRUE(plan(0, 1).empty());
  field.pods[2].mutable_status()->mutable_conditions(0)->set_status("True");
  EXPECT_THAT(Field::names(plan(0, 1).remove), ElementsAre("pod-0"));
  field.pods[1].mutable_status()->mutable_conditions(0)->set_status("False");
  EXPECT_THAT(Field::names(plan(0, 1).remove), ElementsAre("pod-1")) << "that one helps nobody";
}

TEST_F(RollingTest, LimitsAreSharesOfTheWantedNodesRoundedUp) {
  auto& rolling = *field.set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update();
  rolling.mutable_max_unavailable()->set_type(1);
  rolling.mutable_max_unavailable()->set_str_val("30%");
  EXPECT_EQ(limits_of(field.set, 4)->unavailable, 2);
  EXPECT_EQ(limits_of(field.set, 4)->surge, 0);
  EXPECT_EQ(limits_of(field.set, 0)->unavailable, 1) << "never both 0";
  rolling.mutable_max_surge()->set_type(1);
  rolling.mutable_max_surge()->set_str_val("1%");
  rolling.mutable_max_unavailable()->set_str_val("0%");
  EXPECT_EQ(limits_of(field.set, 4)->surge, 1);
  EXPECT_EQ(limits_of(field.set, 4)->unavailable, 0);
  rolling.mutable_max_surge()->set_str_val("much");
  EXPECT_FALSE(limits_of(field.set, 4).ok());
}

}  // namespace
}  // namespace gantry::daemonset
