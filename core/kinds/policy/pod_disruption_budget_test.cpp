// PodDisruptionBudgets: rules and table.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::policy_pod_disruption_budget_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Kind& budgets() { return kind("policy", "PodDisruptionBudget"); }

std::string budget(std::string_view spec, std::string_view status = "{}") {
  return R"({"metadata":{"name":"b","namespace":"default"},"spec":)" + std::string(spec) + R"(,"status":)" +
         std::string(status) + "}";
}

Problems of_new(const std::string& json) { return problems(budgets(), json); }
Problems on_status(const std::string& status) { return problems(budgets(), budget("{}", status), budget("{}")); }

TEST(PodDisruptionBudget, HasOneOfTwoLimits) {
  EXPECT_THAT(of_new(budget("{}")), IsEmpty());
  EXPECT_THAT(of_new(budget(R"({"minAvailable":2,"selector":{}})")), IsEmpty());
  EXPECT_THAT(of_new(budget(R"({"maxUnavailable":"100%","unhealthyPodEvictionPolicy":"AlwaysAllow"})")), IsEmpty());
  EXPECT_THAT(of_new(budget(R"({"minAvailable":1,"maxUnavailable":"1%"})")),
              ElementsAre(R"(spec: Invalid value: {"maxUnavailable":"1%","minAvailable":1}: )"
                          "minAvailable and maxUnavailable cannot be both set"));
  EXPECT_THAT(of_new(budget(R"({"minAvailable":-1})")),
              ElementsAre("spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"));
  EXPECT_THAT(of_new(budget(R"({"maxUnavailable":"101%"})")),
              ElementsAre("spec.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%"));
  EXPECT_THAT(of_new(budget(R"({"unhealthyPodEvictionPolicy":"Never"})")),
              ElementsAre("spec.unhealthyPodEvictionPolicy: Unsupported value: \"Never\": supported values: "
                          "\"AlwaysAllow\", \"IfHealthyBudget\""));
  EXPECT_THAT(of_new(budget(R"({"selector":{"matchExpressions":[{"key":"a","operator":"Near"}]}})")),
              ElementsAre("spec.selector.matchExpressions[0].operator: Invalid value: \"Near\": not a valid selector "
                          "operator"));
}

TEST(PodDisruptionBudget, SelectsByLabelsThatMayBe) {
  EXPECT_THAT(
      of_new(budget(R"({"selector":{"matchExpressions":[{"key":"a","operator":"In","values":["x","b c"]}]}})")),
      ElementsAre(HasSubstr("spec.selector.matchExpressions[0].values[1]: Invalid value: \"b c\": a valid label")));
  EXPECT_THAT(of_new(budget(R"({"selector":{"matchLabels":{"a":"b c"}}})")),
              ElementsAre(HasSubstr("spec.selector.matchLabels: Invalid value: \"b c\": a valid label")));
}

TEST(PodDisruptionBudget, ASpecIsJudgedWhenItChanges) {
  const auto both = budget(R"({"minAvailable":1,"maxUnavailable":1})");
  EXPECT_THAT(problems(budgets(), both, both), IsEmpty());
  EXPECT_THAT(problems(budgets(), both, budget("{}")), ElementsAre(HasSubstr("cannot be both set")));
  EXPECT_FALSE(budgets().behavior->unconditional_update);
}

TEST(PodDisruptionBudget, CountsAreNotNegative) {
  EXPECT_THAT(on_status(R"({"currentHealthy":1})"), IsEmpty());
  EXPECT_THAT(on_status(R"({"disruptionsAllowed":-1,"currentHealthy":-2,"desiredHealthy":-3,"expectedPods":-4})"),
              ElementsAre("status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0",
                          "status.currentHealthy: Invalid value: -2: must be greater than or equal to 0",
                          "status.desiredHealthy: Invalid value: -3: must be greater than or equal to 0",
                          "status.expectedPods: Invalid value: -4: must be greater than or equal to 0"));
  EXPECT_THAT(of_new(budget("{}", R"({"expectedPods":-4})")), IsEmpty()) << "a new one has no status";
}

TEST(PodDisruptionBudget, ConditionsAreWhole) {
  const auto condition = [](const std::string& type, const std::string& reason, const std::string& more = {}) {
    return R"({"type":")" + type + R"(","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","reason":")" +
           reason + "\"" + more + "}";
  };
  const auto with = [&](const std::string& list) { return on_status(R"({"conditions":[)" + list + "]}"); };
  EXPECT_THAT(with(condition("DisruptionAllowed", "SufficientPods")), IsEmpty());
  EXPECT_THAT(with(condition("a.b/C", "A,b:9_")), IsEmpty());
  EXPECT_THAT(
      with(R"({"type":"A","observedGeneration":-1})"),
      ElementsAre("status.conditions[0].status: Unsupported value: \"\": supported values: \"False\", \"True\", "
                  "\"Unknown\"",
                  "status.conditions[0].observedGeneration: Invalid value: -1: must be greater than or equal to "
                  "zero",
                  "status.conditions[0].lastTransitionTime: Required value: must be set",
                  "status.conditions[0].reason: Required value: must be set"));
  EXPECT_THAT(with(condition("a b", "R")),
              ElementsAre(HasSubstr("status.conditions[0].type: Invalid value: \"a b\": name part must consist of")));
  EXPECT_THAT(with(condition("A", "R") + "," + condition("B", "R") + "," + condition("A", "R")),
              ElementsAre("status.conditions[2].type: Duplicate value: \"A\""));
  for (const char* bad : {"9a", "a:", "a-b", "_a"}) {
    EXPECT_THAT(with(condition("A", bad)),
                ElementsAre(HasSubstr("status.conditions[0].reason: Invalid value: \"" + std::string(bad) +
                                      "\": a condition reason must start with alphabetic character")));
  }
  EXPECT_THAT(with(condition("A", std::string(1024, 'r'))), IsEmpty());
  EXPECT_THAT(with(condition("A", std::string(1025, 'r'))),
              ElementsAre("status.conditions[0].reason: Too long: may not be more than 1024 bytes"));
  EXPECT_THAT(with(condition("A", "R", R"(,"message":")" + std::string(32768, 'm') + "\"")), IsEmpty());
  EXPECT_THAT(with(condition("A", "R", R"(,"message":")" + std::string(32769, 'm') + "\"")),
              ElementsAre("status.conditions[0].message: Too long: may not be more than 32768 bytes"));
}

TEST(PodDisruptionBudget, ATableShowsTheLimitsAsText) {
  const auto cells = [](std::string_view spec) {
    return table_row_json(budgets(), made(budgets(), budget(spec, R"({"disruptionsAllowed":3})")), "{}",
                          schema::IncludeObject::kNone, 0);
  };
  EXPECT_EQ(cells(R"({"minAvailable":2})"), R"({"cells":["b","2","N/A",3,"\u003cunknown\u003e"],"object":null})");
  EXPECT_EQ(cells(R"({"maxUnavailable":"30%"})"),
            R"({"cells":["b","N/A","30%",3,"\u003cunknown\u003e"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::policy_pod_disruption_budget_test
