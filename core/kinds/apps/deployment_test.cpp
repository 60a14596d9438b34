// Deployments: selector, template, how they roll out.
#include "core/kinds/kinds_testing.hpp"

namespace gantry::kinds::apps_deployment_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kDeployment = R"({"metadata":{"name":"d","namespace":"default"},"spec":{
  "selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})";
Json deployment(std::string_view patch) { return made(deployment_kind(), kDeployment, patch); }
Problems deployment_problems(std::string_view patch) { return lines(validate(deployment_kind(), deployment(patch))); }

TEST(Deployment, HasATemplateThatItSelects) {
  EXPECT_THAT(deployment_problems("{}"), IsEmpty());
  EXPECT_THAT(deployment_problems(R"({"spec":{"selector":null}})"), ElementsAre("spec.selector: Required value"));
  EXPECT_THAT(
      deployment_problems(R"({"spec":{"selector":{"matchLabels":{"a":"c"}}}})"),
      ElementsAre(
          "spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match template `labels`"));
  EXPECT_THAT(deployment_problems(R"({"spec":{"selector":{"matchLabels":null}}})"),
              ElementsAre(HasSubstr("empty selector is invalid for deployment")));
  EXPECT_THAT(deployment_problems(R"({"spec":{"replicas":-1}})"),
              ElementsAre("spec.replicas: Invalid value: -1: must be greater than or equal to 0"));
  EXPECT_THAT(
      deployment_problems(R"({"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":0,"maxSurge":0}}}})"),
      ElementsAre("spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0"));
  EXPECT_THAT(deployment_problems(R"({"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":"101%"}}}})"),
              ElementsAre(HasSubstr("must not be greater than 100%")));
  EXPECT_THAT(deployment_problems(R"({"spec":{"strategy":{"rollingUpdate":{"maxSurge":"lots"}}}})"),
              ElementsAre(HasSubstr("a valid percent string must be")));
  EXPECT_THAT(
      deployment_problems(R"({"spec":{"strategy":{"type":"Recreate","rollingUpdate":{"maxSurge":1}}}})"),
      ElementsAre("spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"));
  EXPECT_THAT(
      deployment_problems(R"({"spec":{"template":{"spec":{"restartPolicy":"Never"}}}})"),
      ElementsAre("spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\""));
  EXPECT_THAT(deployment_problems(R"({"spec":{"progressDeadlineSeconds":10,"minReadySeconds":10}})"),
              ElementsAre("spec.progressDeadlineSeconds: Invalid value: 10: must be greater than minReadySeconds"));
  EXPECT_THAT(deployment_problems(R"({"spec":{"template":{"spec":{"containers":[{"name":"c"}]}}}})"),
              ElementsAre("spec.template.spec.containers[0].image: Required value"));
}

TEST(Deployment, TheSelectorOfAWorkloadStays) {
  Json old = deployment("{}");
  Json next =
      deployment(R"({"spec":{"selector":{"matchLabels":{"x":"y"}},"template":{"metadata":{"labels":{"x":"y"}}}}})");
  EXPECT_THAT(
      lines(validate(deployment_kind(), next, &old)),
      ElementsAre("spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\",\"x\":\"y\"}}: field is immutable"));
  Json scaled = deployment(R"({"spec":{"replicas":5}})");
  EXPECT_THAT(lines(validate(deployment_kind(), scaled, &old)), IsEmpty());
}

TEST(Deployment, SharesAreNumbersOrPercents) {
  const auto rolling = [](std::string_view unavailable, std::string_view surge) {
    return deployment_problems(R"({"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":)" + std::string(unavailable) +
                               R"(,"maxSurge":)" + std::string(surge) + "}}}}");
  };
  EXPECT_THAT(rolling("0", "1"), IsEmpty());
  EXPECT_THAT(rolling("1", "0"), IsEmpty());
  EXPECT_THAT(rolling("\"100%\"", "\"200%\""), IsEmpty());
  EXPECT_THAT(rolling("\"0%\"", "\"0%\""), ElementsAre(HasSubstr("may not be 0 when `maxSurge` is 0")));
  for (std::string_view odd : {"\"1x%\"", "\"-1%\"", "\"%\"", "\"10\"", "\"x%\"", "\"9999999999%\""}) {
    EXPECT_THAT(rolling(odd, "1"), ElementsAre(HasSubstr("maxUnavailable: Invalid value: " + std::string(odd) +
                                                         ": a valid percent string must be")))
        << odd;
  }
  EXPECT_THAT(rolling("-1", "0"), ElementsAre(HasSubstr("must be greater than or equal to 0")));
}

TEST(Deployment, PodsOfATemplateRunOn) {
  const auto with = [](std::string_view spec) {
    return deployment_problems(R"({"spec":{"template":{"spec":)" + std::string(spec) + "}}}");
  };
  EXPECT_THAT(with(R"({"restartPolicy":"OnFailure"})"), ElementsAre(HasSubstr("Unsupported value: \"OnFailure\"")));
  EXPECT_THAT(with(R"({"activeDeadlineSeconds":5})"),
              ElementsAre(HasSubstr("spec.template.spec.activeDeadlineSeconds: Forbidden: ")));
  EXPECT_THAT(with(R"({"ephemeralContainers":[{"name":"e","image":"i"}]})"),
              ElementsAre(HasSubstr("spec.template.spec.ephemeralContainers: Forbidden: ")));
  EXPECT_THAT(deployment_problems(
                  R"({"spec":{"selector":{"matchLabels":null,"matchExpressions":[{"key":"a","operator":"Exists"}]}}})"),
              IsEmpty());
  EXPECT_THAT(deployment_problems(R"({"spec":{"selector":{"matchExpressions":[{"key":"a","operator":"In"}]}}})"),
              ElementsAre(HasSubstr("spec.selector.matchExpressions[0].values: Required value")));
}

TEST(Deployment, CountsOfAStatusFit) {
  const auto status = [](std::string_view next) {
    const Json old = deployment(R"({"status":{"replicas":1,"collisionCount":2}})");
    const Json now = deployment(R"({"status":)" + std::string(next) + "}");
    return lines(validate(deployment_kind(), now, &old));
  };
  EXPECT_THAT(
      status(R"({"replicas":2,"updatedReplicas":2,"readyReplicas":2,"availableReplicas":2,"collisionCount":2})"),
      IsEmpty());
  EXPECT_THAT(status(R"({"replicas":-1,"collisionCount":2})"),
              ElementsAre("status.replicas: Invalid value: -1: must be greater than or equal to 0",
                          HasSubstr("updatedReplicas: Invalid value: 0: cannot be greater than status.replicas"),
                          HasSubstr("readyReplicas: Invalid value: 0: cannot be greater than status.replicas"),
                          HasSubstr("availableReplicas: Invalid value: 0: cannot be greater than status.replicas")));
  EXPECT_THAT(status(R"({"replicas":1,"readyReplicas":2,"collisionCount":2})"),
              ElementsAre("status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas"));
  EXPECT_THAT(status(R"({"replicas":2,"readyReplicas":1,"availableReplicas":2,"collisionCount":2})"),
              ElementsAre("status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas"));
  EXPECT_THAT(status(R"({"replicas":1,"collisionCount":1})"),
              ElementsAre("status.collisionCount: Invalid value: 1: cannot be decremented"));
}

}  // namespace
}  // namespace gantry::kinds::apps_deployment_test
