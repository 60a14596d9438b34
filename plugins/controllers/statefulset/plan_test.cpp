// The order in which pods are made, taken away and replaced.
#include "plan.hpp"

#include <gmock/gmock.h>

#include "sets_testing.hpp"

namespace gantry::statefulset {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Names = std::vector<std::string>;

struct PlanTest : testing::Test {
  Scene scene() const { return {set, pods, kOld, kNew, kNow}; }
  void add(int64_t ordinal, State state = State::kReady, const std::string& revision = kNew) {
    pods.push_back(pod_of(set, ordinal, state, revision));
  }
  void add_going(int64_t ordinal, State state = State::kReady, const std::string& revision = kNew) {
    pods.push_back(going(pod_of(set, ordinal, state, revision)));
  }
  void parallel() { set.mutable_spec()->set_pod_management_policy("Parallel"); }
  void max_unavailable(int32_t most) {
    auto& value = *set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update()->mutable_max_unavailable();
    value.set_type(0);
    value.set_int_val(most);
  }
  void partition(int32_t at) {
    set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update()->set_partition(at);
  }
  Names condemned() const { return names_of(plan_condemned(scene()).pods); }
  Names updated() const {
    const auto plan = plan_update(scene());
    EXPECT_TRUE(plan) << plan.error().message();
    return plan ? names_of(*plan) : Names();
  }
  static std::vector<int64_t> numbers(const std::vector<Member>& members) {
    std::vector<int64_t> all;
    for (const auto& member : members) all.push_back(member.ordinal);
    return all;
  }

  StatefulSet set = set_of(3);
  std::vector<Pod> pods;
};

TEST_F(PlanTest, InOrderEachPodWaitsForThoseBefore) {
  auto plan = plan_replicas(scene(), 1);
  EXPECT_THAT(plan.missing, ElementsAre(0));
  EXPECT_TRUE(plan.wait);
  for (const auto state : {State::kPending, State::kUnready}) {
    pods.clear();
    add(0, state);
    plan = plan_replicas(scene(), 1);
    EXPECT_THAT(plan.missing, IsEmpty());
    EXPECT_TRUE(plan.wait);
  }
  pods.clear();
  add(0);
  plan = plan_replicas(scene(), 1);
  EXPECT_THAT(plan.missing, ElementsAre(1));
  EXPECT_TRUE(plan.wait);
  add(2);
  EXPECT_THAT(plan_replicas(scene(), 1).missing, ElementsAre(1)) << "a gap is filled";
  add(1);
  plan = plan_replicas(scene(), 1);
  EXPECT_THAT(plan.missing, IsEmpty());
  EXPECT_FALSE(plan.wait);
  EXPECT_THAT(numbers(plan.settled), ElementsAre(0, 1, 2));
}

TEST_F(PlanTest, InOrderReadyIsNotEnough) {
  set.mutable_spec()->set_min_ready_seconds(100);
  add(0);
  EXPECT_THAT(plan_replicas(scene(), 1).missing, ElementsAre(1));
  set.mutable_spec()->set_min_ready_seconds(101);
  EXPECT_THAT(plan_replicas(scene(), 1).missing, IsEmpty());
  EXPECT_TRUE(plan_replicas(scene(), 1).wait);
}

TEST_F(PlanTest, WhatIsOverGoesAndWhatGoesIsWaitedFor) {
  add(0, State::kFailed);
  auto plan = plan_replicas(scene(), 1);
  EXPECT_THAT(names_of(plan.over), ElementsAre("web-0"));
  EXPECT_THAT(plan.missing, IsEmpty());
  EXPECT_TRUE(plan.wait);
  pods.front() = going(pods.front());
  plan = plan_replicas(scene(), 1);
  EXPECT_THAT(plan.over, IsEmpty());
  EXPECT_TRUE(plan.wait);
  pods.clear();
  add(0);
  add(1, State::kSucceeded);
  EXPECT_THAT(names_of(plan_replicas(scene(), 1).over), ElementsAre("web-1"));
  pods.clear();
  add_going(0);
  plan = plan_replicas(scene(), 1);
  EXPECT_THAT(plan.missing, IsEmpty());
  EXPECT_THAT(plan.over, IsEmpty());
  EXPECT_TRUE(plan.wait);
}

TEST_F(PlanTest, InParallelNothingWaits) {
  parallel();
  set.mutable_spec()->set_replicas(6);
  add(1, State::kPending);
  add(2, State::kFailed);
  add_going(4);
  auto plan = plan_replicas(scene(), 500);
  EXPECT_THAT(plan.missing, ElementsAre(0, 3, 5));
  EXPECT_THAT(names_of(plan.over), ElementsAre("web-2"));
  EXPECT_THAT(numbers(plan.pending), ElementsAre(1));
  EXPECT_THAT(numbers(plan.settled), ElementsAre(1, 4));
  EXPECT_FALSE(plan.wait);
  EXPECT_THAT(plan_replicas(scene(), 2).missing, ElementsAre(0, 3));
}

// A set may want two thousand millions; what is looked at is what is there.
TEST_F(PlanTest, IsBoundedHoweverManyAreWanted) {
  parallel();
  set.mutable_spec()->set_replicas(2'147'483'647);
  add(2'000'000'000);
  const auto plan = plan_replicas(scene(), 3);
  EXPECT_THAT(plan.missing, ElementsAre(0, 1, 2));
  EXPECT_THAT(numbers(plan.settled), ElementsAre(2'000'000'000));
}

TEST_F(PlanTest, NumbersBeginWhereTheSetSays) {
  set.mutable_spec()->mutable_ordinals()->set_start(5);
  for (const int64_t ordinal : {4, 5, 6, 8}) add(ordinal);
  EXPECT_THAT(plan_replicas(scene(), 1).missing, ElementsAre(7));
  EXPECT_THAT(numbers(scene().condemned), ElementsAre(8, 4));
}

TEST_F(PlanTest, FromTheHighestDownOneByOne) {
  set.mutable_spec()->set_replicas(1);
  for (const int64_t ordinal : {0, 1, 2, 10}) add(ordinal);
  EXPECT_THAT(condemned(), ElementsAre("web-10"));
  EXPECT_TRUE(plan_condemned(scene()).wait);
  pods.back() = going(pods.back());
  EXPECT_THAT(condemned(), IsEmpty()) << "the one before is not gone yet";
  EXPECT_TRUE(plan_condemned(scene()).wait);
  parallel();
  EXPECT_THAT(condemned(), ElementsAre("web-2", "web-1"));
  EXPECT_FALSE(plan_condemned(scene()).wait);
}

TEST_F(PlanTest, OfSeveralThatDoNotWorkTheLowestIsWaitedFor) {
  set.mutable_spec()->set_replicas(0);
  add(0, State::kUnready);
  add(1, State::kUnready);
  EXPECT_THAT(condemned(), IsEmpty());
  pods.front() = pod_of(set, 0);
  EXPECT_THAT(condemned(), ElementsAre("web-1")) << "it is the only one that does not work";
  pods.front() = pod_of(set, 0, State::kUnready);
  pods.back() = pod_of(set, 1);
  EXPECT_THAT(condemned(), ElementsAre("web-1"));
}

TEST_F(PlanTest, UpdatesFromTheHighestDownEachWhenTheOneBeforeWorks) {
  for (const int64_t ordinal : {0, 1, 2}) add(ordinal, State::kReady, kOld);
  EXPECT_THAT(updated(), ElementsAre("web-2"));
  pods[2] = going(pods[2]);
  EXPECT_THAT(updated(), IsEmpty());
  pods[2] = pod_of(set, 2, State::kUnready);
  EXPECT_THAT(updated(), IsEmpty());
  pods[2] = pod_of(set, 2);
  EXPECT_THAT(updated(), ElementsAre("web-1"));
  pods.pop_back();
  EXPECT_THAT(updated(), IsEmpty()) << "one is missing";
}

TEST_F(PlanTest, AnOldPodThatDoesNotWorkGivesWay) {
  parallel();
  for (const int64_t ordinal : {0, 1, 2}) add(ordinal, State::kUnready, kOld);
  EXPECT_THAT(updated(), ElementsAre("web-2"));
}

TEST_F(PlanTest, BelowThePartitionNothingIsUpdated) {
  partition(2);
  for (const int64_t ordinal : {0, 1, 2}) add(ordinal, State::kReady, kOld);
  EXPECT_THAT(updated(), ElementsAre("web-2"));
  pods[2] = pod_of(set, 2);
  EXPECT_THAT(updated(), IsEmpty());
  set.mutable_spec()->mutable_ordinals()->set_start(1);
  pods = {};
  for (const int64_t ordinal : {1, 2, 3}) add(ordinal, State::kReady, kOld);
  EXPECT_THAT(updated(), ElementsAre("web-3"));
  pods[2] = pod_of(set, 3);
  EXPECT_THAT(updated(), IsEmpty()) << "a partition counts from the first number";
}

TEST_F(PlanTest, OnDeleteUpdatesNothing) {
  set.mutable_spec()->mutable_update_strategy()->set_type("OnDelete");
  add(0, State::kReady, kOld);
  EXPECT_THAT(updated(), IsEmpty());
}

TEST_F(PlanTest, SeveralAtATimeAsFarAsThereIsRoom) {
  set.mutable_spec()->set_replicas(5);
  max_unavailable(2);
  for (const int64_t ordinal : {0, 1, 2, 3, 4}) add(ordinal, State::kReady, kOld);
  EXPECT_THAT(updated(), ElementsAre("web-4", "web-3"));
  pods[4] = pod_of(set, 4, State::kUnready);
  EXPECT_THAT(updated(), ElementsAre("web-3"));
  pods[0] = pod_of(set, 0, State::kUnready, kOld);
  EXPECT_THAT(updated(), IsEmpty()) << "two are missed already";
  pods[0] = pod_of(set, 0, State::kReady, kOld);
  pods[4] = pod_of(set, 4);
  EXPECT_THAT(updated(), ElementsAre("web-3", "web-2"));
  partition(3);
  EXPECT_THAT(updated(), ElementsAre("web-3"));
  pods.pop_back();
  partition(0);
  EXPECT_THAT(updated(), ElementsAre("web-3")) << "one that is missing counts";
}

TEST_F(PlanTest, InParallelOldOnesThatDoNotWorkGoFirst) {
  set.mutable_spec()->set_replicas(5);
  parallel();
  max_unavailable(2);
  for (const int64_t ordinal : {0, 1, 2, 3, 4}) add(ordinal, State::kReady, kOld);
  pods[0] = pod_of(set, 0, State::kUnready, kOld);
  EXPECT_THAT(updated(), ElementsAre("web-0", "web-4"));
  for (const int64_t ordinal : {1, 2, 3})
    pods[static_cast<size_t>(ordinal)] = pod_of(set, ordinal, State::kUnready, kOld);
  EXPECT_THAT(updated(), ElementsAre("web-3", "web-2", "web-1", "web-0")) << "and cost nothing";
}

TEST_F(PlanTest, AShareOfThePodsIsRoundedDownToOneAtLeast) {
  set.mutable_spec()->set_replicas(5);
  for (const int64_t ordinal : {0, 1, 2, 3, 4}) add(ordinal, State::kReady, kOld);
  auto& share = *set.mutable_spec()->mutable_update_strategy()->mutable_rolling_update()->mutable_max_unavailable();
  share.set_type(1);
  share.set_str_val("50%");
  EXPECT_THAT(updated(), ElementsAre("web-4", "web-3"));
  share.set_str_val("10%");
  EXPECT_THAT(updated(), ElementsAre("web-4"));
  share.set_str_val("many");
  EXPECT_FALSE(plan_update(scene()));
}

TEST_F(PlanTest, BelowThePartitionPodsAreMadeFromTheRevisionThatIsLeft) {
  partition(2);
  EXPECT_TRUE(made_from_current(set, 1));
  EXPECT_FALSE(made_from_current(set, 2));
  set.mutable_spec()->mutable_ordinals()->set_start(10);
  EXPECT_TRUE(made_from_current(set, 11));
  EXPECT_FALSE(made_from_current(set, 12));
  set.mutable_spec()->mutable_update_strategy()->clear_rolling_update();
  set.mutable_status()->set_current_replicas(1);
  EXPECT_TRUE(made_from_current(set, 10));
  EXPECT_FALSE(made_from_current(set, 11));
  set.mutable_spec()->mutable_update_strategy()->set_type("OnDelete");
  EXPECT_FALSE(made_from_current(set, 10));
}

}  // namespace
}  // namespace gantry::statefulset
