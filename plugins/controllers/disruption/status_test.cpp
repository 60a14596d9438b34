#include "status.hpp"

#include <gtest/gtest.h>

#include "gantry/conditions.hpp"
#include "stale_condition.hpp"
#include "testing.hpp"

namespace gantry::disruption {
namespace {

policyv1::PodDisruptionBudgetStatus status_of_counts(const policyv1::PodDisruptionBudget& budget, Counts counts) {
  return next_status(budget, counts, {}, kNow);
}

TEST(BudgetStatus, AsManyMayGoAsAreHealthyBeyondWhatMustBe) {
  const auto budget = budget_of("b", "web");
  const auto status = status_of_counts(budget, {5, 3, 5});
  EXPECT_EQ(status.disruptions_allowed(), 2);
  EXPECT_EQ(status.current_healthy(), 5);
  EXPECT_EQ(status.desired_healthy(), 3);
  EXPECT_EQ(status.expected_pods(), 5);
  EXPECT_EQ(status.observed_generation(), 3);
  const auto& condition = *sdk::find_condition(status.conditions(), "DisruptionAllowed");
  EXPECT_EQ(condition.status() + " " + condition.reason() + condition.message(), "True SufficientPods");
  EXPECT_EQ(condition.observed_generation(), 3);
  EXPECT_EQ(to_ns(condition.last_transition_time()), kNow);
}

TEST(BudgetStatus, NoneMayGoWhereTooFewAreHealthyOrNoneExpected) {
  const auto budget = budget_of("b", "web");
  EXPECT_EQ(status_of_counts(budget, {2, 3, 5}).disruptions_allowed(), 0);
  EXPECT_EQ(status_of_counts(budget, {2, 0, 0}).disruptions_allowed(), 0);
  const auto status = status_of_counts(budget, {3, 3, 5});
  EXPECT_EQ(sdk::find_condition(status.conditions(), "DisruptionAllowed")->reason(), "InsufficientPods");
}

TEST(BudgetStatus, AFailureForbidsAllAndEndsWithTheNextCount) {
  auto budget = budget_of("b", "web");
  *budget.mutable_status() = status_of_counts(budget, {5, 3, 5});
  *budget.mutable_status() = failed_status(budget, Status::internal("why"), kNow + kNanosPerSecond);
  EXPECT_EQ(budget.status().disruptions_allowed(), 0);
  EXPECT_EQ(budget.status().current_healthy(), 5);
  const auto& condition = *sdk::find_condition(budget.status().conditions(), "DisruptionAllowed");
  EXPECT_EQ(condition.status() + " " + condition.reason() + " " + condition.message(), "False SyncFailed why");
  EXPECT_TRUE(same_status(budget.status(), failed_status(budget, Status::internal("why"), kNow)));
  const auto after = status_of_counts(budget, {3, 3, 5});
  EXPECT_FALSE(same_status(budget.status(), after));
  EXPECT_EQ(sdk::find_condition(after.conditions(), "DisruptionAllowed")->message(), "");
}

TEST(BudgetStatus, DifferencesAreSeen) {
  const auto budget = budget_of("b", "web");
  const auto status = status_of_counts(budget, {5, 3, 5});
  EXPECT_TRUE(same_status(status, status_of_counts(budget, {5, 3, 5})));
  EXPECT_FALSE(same_status(status, status_of_counts(budget, {6, 4, 5})));
  EXPECT_FALSE(same_status(status, status_of_counts(budget, {5, 3, 6})));
  auto other = status;
  (*other.mutable_disrupted_pods())["p"] = to_time(kNow);
  EXPECT_FALSE(same_status(status, other));
  auto later_time = other;
  (*later_time.mutable_disrupted_pods())["p"] = to_time(kNow + kNanosPerSecond);
  EXPECT_FALSE(same_status(other, later_time));
  EXPECT_FALSE(same_status(status, policyv1::PodDisruptionBudgetStatus()));
}

TEST(DisruptedPods, AreNotHealthyUntilTheyGoOrTwoMinutesPass) {
  auto budget = budget_of("b", "web");
  auto& noted = *budget.mutable_status()->mutable_disrupted_pods();
  noted["going"] = noted["late"] = to_time(kNow);
  noted["fresh"] = to_time(kNow + 30 * kNanosPerSecond);
  noted["unknown"] = to_time(kNow);
  noted["never"] = to_time(kNow - 3600 * kNanosPerSecond);
  std::vector<corev1::Pod> pods = {pod_of("going", "web"), pod_of("late", "web"),  pod_of("fresh", "web"),
                                   pod_of("never", "web"), pod_of("other", "web"), pod_of("unready", "web", false)};
  pods[0].mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  const auto disrupted = still_disrupted(budget.status(), pods, kNow + 60 * kNanosPerSecond);
  EXPECT_EQ(disrupted.pods.size(), 2U);
  EXPECT_TRUE(disrupted.pods.contains("late") && disrupted.pods.contains("fresh"));
  ASSERT_EQ(disrupted.not_deleted.size(), 1U);
  EXPECT_EQ(disrupted.not_deleted[0]->metadata().name(), "never");
  EXPECT_EQ(disrupted.next_check_ms, 60'000);
  EXPECT_EQ(count_healthy(pods, disrupted), 2);  // never, other
  const auto then = still_disrupted(budget.status(), pods, kNow + 120 * kNanosPerSecond);
  EXPECT_EQ(then.not_deleted.size(), 2U);
  EXPECT_EQ(then.next_check_ms, 30'000);
}

TEST(StaleCondition, OfPodsThatStayed) {
  auto pod = pod_of("p", "web");
  EXPECT_FALSE(stale_after_ms(pod, kNow));
  auto& condition = *pod.mutable_status()->add_conditions();
  condition.set_type("DisruptionTarget");
  condition.set_status("True");
  condition.set_reason("EvictionByEvictionAPI");
  *condition.mutable_last_transition_time() = to_time(kNow);
  EXPECT_EQ(stale_after_ms(pod, kNow + 20 * kNanosPerSecond), 100'000);
  EXPECT_EQ(stale_after_ms(pod, kNow + 121 * kNanosPerSecond), 0);
  auto going = pod;
  going.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
  EXPECT_FALSE(stale_after_ms(going, kNow));
  auto ended = pod;
  ended.mutable_status()->set_phase("Failed");
  EXPECT_FALSE(stale_after_ms(ended, kNow));
  auto by_kubelet = pod;
  by_kubelet.mutable_status()->mutable_conditions(1)->set_reason("TerminationByKubelet");
  EXPECT_FALSE(stale_after_ms(by_kubelet, kNow));
  take_back(pod, kNow + 130 * kNanosPerSecond);
  EXPECT_EQ(pod.status().conditions(1).status() + pod.status().conditions(1).reason(), "False");
  EXPECT_EQ(to_ns(pod.status().conditions(1).last_transition_time()), kNow + 130 * kNanosPerSecond);
  EXPECT_FALSE(stale_after_ms(pod, kNow));
}

TEST(QuotedSelector, AsUpstreamsEventsHaveIt) {
  auto selector = budget_of("b", "web").spec().selector();
  EXPECT_EQ(quoted_selector(selector),
            "&LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement{},}");
  auto& one = *selector.add_match_expressions();
  one.set_key("tier");
  one.set_operator_("In");
  one.add_values("a");
  one.add_values("b");
  EXPECT_EQ(quoted_selector(selector),
            "&LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement{"
            "LabelSelectorRequirement{Key:tier,Operator:In,Values:[a b],},},}");
}

}  // namespace
}  // namespace gantry::disruption
