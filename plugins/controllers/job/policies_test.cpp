#include "policies.hpp"

#include <gtest/gtest.h>

namespace gantry::job {
namespace {

using Action = PolicyMatch::Action;

void end(corev1::ContainerStatus& status, const char* name, int32_t code) {
  status.set_name(name);
  status.mutable_state()->mutable_terminated()->set_exit_code(code);
}

corev1::Pod failed_pod(int32_t code) {
  corev1::Pod pod;
  pod.mutable_metadata()->set_namespace_("shop");
  pod.mutable_metadata()->set_name("p-1");
  pod.mutable_status()->set_phase("Failed");
  end(*pod.mutable_status()->add_container_statuses(), "helper", 0);
  end(*pod.mutable_status()->add_container_statuses(), "main", code);
  return pod;
}

batchv1::PodFailurePolicyRule& add_codes(batchv1::JobSpec& spec, const char* action, const char* op,
                                         std::initializer_list<int32_t> codes) {
  auto& rule = *spec.mutable_pod_failure_policy()->add_rules();
  rule.set_action(action);
  rule.mutable_on_exit_codes()->set_operator_(op);
  for (const int32_t code : codes) rule.mutable_on_exit_codes()->add_values(code);
  return rule;
}

TEST(FailurePolicy, WithoutOneEveryFailureCounts) {
  const auto match = match_failure_policy({}, failed_pod(3));
  EXPECT_EQ(match.action, Action::kNone);
  EXPECT_TRUE(match.counts());
}

TEST(FailurePolicy, TheFirstRuleThatAppliesDecides) {
  batchv1::JobSpec spec;
  add_codes(spec, "Ignore", "In", {4});
  add_codes(spec, "FailJob", "NotIn", {5});
  add_codes(spec, "FailIndex", "In", {5});
  EXPECT_EQ(match_failure_policy(spec, failed_pod(4)).action, Action::kIgnore);
  EXPECT_FALSE(match_failure_policy(spec, failed_pod(4)).counts());
  EXPECT_EQ(match_failure_policy(spec, failed_pod(5)).action, Action::kFailIndex);
  const auto match = match_failure_policy(spec, failed_pod(6));
  EXPECT_EQ(match.action, Action::kFailJob);
  EXPECT_EQ(match.message, "Container main for pod shop/p-1 failed with exit code 6 matching FailJob rule at index 1");
}

// Zero is no failure, even where a rule is about all codes but some.
TEST(FailurePolicy, SuccessIsNoExitCode) {
  batchv1::JobSpec spec;
  add_codes(spec, "FailJob", "NotIn", {5});
  EXPECT_EQ(match_failure_policy(spec, failed_pod(0)).action, Action::kNone);
  auto running = failed_pod(0);
  running.mutable_status()->add_container_statuses()->mutable_state()->mutable_running();
  EXPECT_EQ(match_failure_policy(spec, running).action, Action::kNone);
}

TEST(FailurePolicy, NamesAContainerAndLooksAtInitContainersToo) {
  batchv1::JobSpec spec;
  add_codes(spec, "Count", "In", {7}).mutable_on_exit_codes()->set_container_name("prepare");
  EXPECT_EQ(match_failure_policy(spec, failed_pod(7)).action, Action::kNone);
  auto pod = failed_pod(7);
  end(*pod.mutable_status()->add_init_container_statuses(), "prepare", 7);
  EXPECT_EQ(match_failure_policy(spec, pod).action, Action::kCount);
}

TEST(FailurePolicy, LooksAtConditions) {
  batchv1::JobSpec spec;
  auto& rule = *spec.mutable_pod_failure_policy()->add_rules();
  rule.set_action("FailJob");
  auto& pattern = *rule.add_on_pod_conditions();
  pattern.set_type("DisruptionTarget");
  pattern.set_status("True");
  auto pod = failed_pod(1);
  auto& condition = *pod.mutable_status()->add_conditions();
  condition.set_type("DisruptionTarget");
  condition.set_status("False");
  EXPECT_EQ(match_failure_policy(spec, pod).action, Action::kNone);
  condition.set_status("True");
  EXPECT_EQ(match_failure_policy(spec, pod).message,
            "Pod shop/p-1 has condition DisruptionTarget matching FailJob rule at index 0");
}

batchv1::JobSpec with_success(const char* indexes, int32_t count) {
  batchv1::JobSpec spec;
  spec.set_completions(10);
  spec.mutable_success_policy()->add_rules()->set_succeeded_indexes("9");
  auto& rule = *spec.mutable_success_policy()->add_rules();
  if (*indexes != 0) rule.set_succeeded_indexes(indexes);
  if (count > 0) rule.set_succeeded_count(count);
  return spec;
}

TEST(SuccessPolicy, ByIndexesByCountOrBoth) {
  const auto met = [](const char* indexes, int32_t count, const char* succeeded) {
    return match_success_policy(with_success(indexes, count), IndexSet::parse(succeeded, 10)).value_or("");
  };
  EXPECT_EQ(met("0-2", 0, "0,1"), "");
  EXPECT_EQ(met("0-2", 0, "0-2,5"), "Matched rules at index 1");
  EXPECT_EQ(met("0-2", 2, "1"), "");
  EXPECT_EQ(met("0-2", 2, "1,2"), "Matched rules at index 1");
  EXPECT_EQ(met("", 3, "3,4"), "");
  EXPECT_EQ(met("", 3, "3,4,6"), "Matched rules at index 1");
  EXPECT_EQ(met("", 3, "9"), "Matched rules at index 0");
  EXPECT_EQ(met("x", 1, "1"), "");
  EXPECT_EQ(match_success_policy({}, IndexSet::of({1})), std::nullopt);
  EXPECT_EQ(match_success_policy(with_success("", 1), {}), std::nullopt);
}

}  // namespace
}  // namespace gantry::job
