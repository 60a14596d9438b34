// PodDisruptionBudgets: rules and table.
#include "core/schema/schema_testing.hpp"
#include "core/schema/table.hpp"

namespace gantry::kinds {
namespace {

using schema::testing::document;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const schema::Kind& budget_kind() { return schema::testing::kind("policy", "PodDisruptionBudget"); }

schema::Json budget(std::string_view spec, std::string_view status = "{}") {
  return document(budget_kind(), R"({"metadata":{"name":"b","namespace":"default"},"spec":)" + std::string(spec) +
                                     R"(,"status":)" + std::string(status) + "}");
}

std::vector<std::string> problems(const schema::Json& next, const schema::Json* old = nullptr) {
  std::vector<std::string> out;
  for (const auto& cause : validate(budget_kind(), next, old)) out.push_back(cause.field + ": " + cause.message);
  return out;
}

TEST(PodDisruptionBudget, HasOneOfTwoLimits) {
  EXPECT_THAT(problems(budget("{}")), IsEmpty());
  EXPECT_THAT(problems(budget(R"({"minAvailable":2,"selector":{}})")), IsEmpty());
  EXPECT_THAT(problems(budget(R"({"maxUnavailable":"100%","unhealthyPodEvictionPolicy":"AlwaysAllow"})")), IsEmpty());
  EXPECT_THAT(problems(budget(R"({"minAvailable":1,"maxUnavailable":"1%"})")),
              ElementsAre(R"(spec: Invalid value: {"maxUnavailable":"1%","minAvailable":1}: )"
                          "minAvailable and maxUnavailable cannot be both set"));
  EXPECT_THAT(problems(budget(R"({"minAvailable":-1})")),
              ElementsAre("spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"));
  EXPECT_THAT(problems(budget(R"({"maxUnavailable":"101%"})")),
              ElementsAre("spec.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%"));
  EXPECT_THAT(problems(budget(R"({"unhealthyPodEvictionPolicy":"Never"})")),
              ElementsAre("spec.unhealthyPodEvictionPolicy: Unsupported value: \"Never\": supported values: "
                          "\"AlwaysAllow\", \"IfHealthyBudget\""));
  EXPECT_THAT(problems(budget(R"({"selector":{"matchExpressions":[{"key":"a","operator":"Near"}]}})")),
              ElementsAre("spec.selector.matchExpressions[0].operator: Invalid value: \"Near\": not a valid selector "
                          "operator"));
}

TEST(PodDisruptionBudget, CountsAreNotNegative) {
  const auto old = budget("{}");
  EXPECT_THAT(problems(budget("{}", R"({"currentHealthy":1})"), &old), IsEmpty());
  EXPECT_THAT(problems(budget("{}", R"({"disruptionsAllowed":-1})"), &old),
              ElementsAre("status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0"));
}

TEST(PodDisruptionBudget, ATableShowsTheLimitsAsText) {
  const auto cells = [](std::string_view spec) {
    return table_row_json(budget_kind(), budget(spec, R"({"disruptionsAllowed":3})"), "{}",
                          schema::IncludeObject::kNone, 0);
  };
  EXPECT_EQ(cells(R"({"minAvailable":2})"), R"({"cells":["b","2","N/A",3,"\u003cunknown\u003e"],"object":null})");
  EXPECT_EQ(cells(R"({"maxUnavailable":"30%"})"),
            R"({"cells":["b","N/A","30%",3,"\u003cunknown\u003e"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds
