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

}  // namespace
}  // namespace gantry::kinds::apps_deployment_test
