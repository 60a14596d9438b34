// HorizontalPodAutoscalers: defaults and rules.
#include "core/kinds/autoscaling/autoscaler_testing.hpp"
#include "core/kinds/parts/autoscaler.hpp"

namespace gantry::kinds::autoscaling_horizontal_pod_autoscaler_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Problems problems(std::string_view patch) { return lines(validate(v2(), scaler(v2(), patch))); }
Problems metric(const std::string& source) { return problems(R"({"spec":{"metrics":[)" + source + "]}}"); }
Problems rules(const std::string& up) { return problems(R"({"spec":{"behavior":{"scaleUp":)" + up + "}}}"); }

std::string json(const Kind& version, const Json& value) { return schema::encode_json(*version.message, value); }

TEST(Autoscaler, Defaults) {
  EXPECT_EQ(json(v2(), scaler(v2(), "{}")),
            R"({"metadata":{"name":"a","namespace":"default"},"spec":{"scaleTargetRef":{"kind":"Deployment",)"
            R"("name":"web","apiVersion":"apps/v1"},"minReplicas":1,"maxReplicas":5,"metrics":[{"type":"Resource",)"
            R"("resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":80}}}]},)"
            R"("status":{"desiredReplicas":0,"currentMetrics":null}})");
  const Json fast = scaler(v2(), R"({"spec":{"behavior":{}}})");
  EXPECT_EQ(fast.at("spec").at("behavior"),
            parsed(R"({"scaleUp":{"selectPolicy":"Max","policies":[{"type":"Pods","value":4,"periodSeconds":15},
              {"type":"Percent","value":100,"periodSeconds":15}],"stabilizationWindowSeconds":0},"scaleDown":{
              "selectPolicy":"Max","policies":[{"type":"Percent","value":100,"periodSeconds":15}]}})"));
  const Json own = scaler(v2(), R"({"spec":{"minReplicas":2,"behavior":{"scaleUp":{"selectPolicy":"Min",
    "stabilizationWindowSeconds":7,"policies":[{"type":"Pods","value":1,"periodSeconds":1}]}},
    "metrics":[{"type":"Resource","resource":{"name":"memory","target":{"type":"AverageValue","averageValue":"1Gi"}}}]}})");
  EXPECT_EQ(own.at("spec").at("minReplicas"), 2);
  EXPECT_EQ(own.at("spec").at("metrics").as_array().size(), 1U);
  EXPECT_EQ(own.at("spec").at("behavior").at("scaleUp"), parsed(R"({"selectPolicy":"Min","stabilizationWindowSeconds":7,
              "policies":[{"type":"Pods","value":1,"periodSeconds":1}]})"));
  EXPECT_EQ(scaler(v1(), "{}").at("spec").at(kTargetCpu), 80);
  EXPECT_EQ(scaler(v1(), "{}").at("spec").at("minReplicas"), 1);
  EXPECT_EQ(scaler(v1(), R"({"spec":{"targetCPUUtilizationPercentage":5}})").at("spec").at(kTargetCpu), 5);
}

TEST(Autoscaler, HasBoundsAndATarget) {
  EXPECT_THAT(problems("{}"), IsEmpty());
  EXPECT_THAT(problems(R"({"spec":{"maxReplicas":0}})"),
              ElementsAre("spec.maxReplicas: Invalid value: 0: must be greater than 0",
                          "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`"));
  EXPECT_THAT(problems(R"({"spec":{"minReplicas":6}})"),
              ElementsAre("spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`"));
  EXPECT_THAT(problems(R"({"spec":{"scaleTargetRef":{"kind":"","name":"a/b"}}})"),
              ElementsAre("spec.scaleTargetRef.kind: Required value",
                          "spec.scaleTargetRef.name: Invalid value: \"a/b\": may not contain '/'"));
  EXPECT_THAT(problems(R"({"spec":{"scaleTargetRef":{"apiVersion":"v1"}}})"),
              ElementsAre("spec.scaleTargetRef.apiVersion: Invalid value: \"v1\": apiVersion must specify API group"));
  EXPECT_THAT(problems(R"({"spec":{"scaleTargetRef":{"apiVersion":null}}})"),
              ElementsAre("spec.scaleTargetRef.apiVersion: Invalid value: \"\": apiVersion must specify API group"));
  EXPECT_THAT(problems(R"({"spec":{"scaleTargetRef":{"apiVersion":"/v1"}}})"),
              ElementsAre(HasSubstr("apiVersion must specify API group")));
  EXPECT_THAT(problems(R"({"spec":{"scaleTargetRef":{"apiVersion":"a/b/c"}}})"),
              ElementsAre("spec.scaleTargetRef.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: "
                          "a/b/c"));
  EXPECT_THAT(problems(R"({"spec":{"scaleTargetRef":{"apiVersion":"v1","kind":"ReplicationController"}}})"), IsEmpty());
  EXPECT_THAT(problems(R"({"spec":null})"),
              ElementsAre("spec.maxReplicas: Invalid value: 0: must be greater than 0",
                          "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
                          "spec.scaleTargetRef.kind: Required value", "spec.scaleTargetRef.name: Required value",
                          "spec.scaleTargetRef.apiVersion: Invalid value: \"\": apiVersion must specify API group"));
}

constexpr const char* kObject =
    R"({"type":"Object","object":{"metric":{"name":"m"},"describedObject":{"apiVersion":"v1","kind":"Service","name":"s"},
        "target":{"type":"Value","value":"3"}}})";

TEST(Autoscaler, ZeroNeedsAMetricThatIsThereWithoutPods) {
  EXPECT_THAT(problems(R"({"spec":{"minReplicas":0}})"),
              ElementsAre("spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
                          "spec.metrics: Forbidden: must specify at least one Object or External metric to support "
                          "scaling to zero replicas"));
  const std::string with_object = R"({"spec":{"minReplicas":0,"metrics":[)" + std::string(kObject) + "]}}";
  EXPECT_THAT(problems(with_object),
              ElementsAre("spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"));
  // One that has it already may keep it.
  EXPECT_THAT(on_update(v2(), with_object,
                        R"({"spec":{"minReplicas":0,"maxReplicas":6,"metrics":[)" + std::string(kObject) + "]}}"),
              IsEmpty());
  EXPECT_THAT(on_update(v2(), with_object, R"({"spec":{"minReplicas":-1}})"),
              ElementsAre("spec.minReplicas: Invalid value: -1: must be greater than or equal to 0"));
}

TEST(Autoscaler, MetricsSayWhatTheyAre) {
  EXPECT_THAT(metric(R"({"type":""})"),
              ElementsAre("spec.metrics[0].type: Required value: must specify a metric source type",
                          "spec.metrics[0].type: Unsupported value: \"\": supported values: \"ContainerResource\", "
                          "\"External\", \"Object\", \"Pods\", \"Resource\""));
  EXPECT_THAT(metric(R"({"type":"Pods"})"),
              ElementsAre("spec.metrics[0].pods: Required value: must populate information for the given metric "
                          "source"));
  const std::string resource = R"("resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":1}})";
  const std::string pods = R"("pods":{"metric":{"name":"m"},"target":{"type":"AverageValue","averageValue":"1"}})";
  EXPECT_THAT(metric(R"({"type":"Pods",)" + resource + "}"),
              ElementsAre(HasSubstr("spec.metrics[0].pods: Required value")));
  EXPECT_THAT(metric(R"({"type":"Resource",)" + resource + "," + pods + "}"),
              ElementsAre("spec.metrics[0].pods: Forbidden: must populate the given metric source only"));
  EXPECT_THAT(metric(R"({"type":"Resource",)" + resource + "}"), IsEmpty());
  EXPECT_THAT(metric(R"({"type":"Pods",)" + pods + "}"), IsEmpty());
  EXPECT_THAT(metric(kObject), IsEmpty());
}

TEST(Autoscaler, TargetsArePositive) {
  const auto use = [](const std::string& target) {
    return metric(R"({"type":"Resource","resource":{"name":"cpu","target":)" + target + "}}");
  };
  const std::string at = "spec.metrics[0].resource.target.";
  EXPECT_THAT(use("{}"),
              ElementsAre(at + "type: Required value: must specify a metric target type",
                          at + "type: Invalid value: \"\": must be either Utilization, Value, or AverageValue",
                          at + "averageUtilization: Required value: must set either a target raw value or a target "
                               "utilization"));
  EXPECT_THAT(use(R"({"type":"Utilization","averageUtilization":0})"),
              ElementsAre(at + "averageUtilization: Invalid value: 0: must be greater than 0"));
  EXPECT_THAT(use(R"({"type":"AverageValue","averageValue":"0"})"),
              ElementsAre(at + "averageValue: Invalid value: \"0\": must be positive"));
  EXPECT_THAT(use(R"({"type":"AverageValue","averageValue":"-1","value":"-2"})"),
              ElementsAre(at + "value: Invalid value: \"-2\": must be positive",
                          at + "averageValue: Invalid value: \"-1\": must be positive"));
  EXPECT_THAT(use(R"({"type":"Utilization","averageUtilization":1,"averageValue":"1"})"),
              ElementsAre(at + "averageValue: Forbidden: may not set both a target raw value and a target "
                               "utilization"));
}

TEST(Autoscaler, EachSourceHasItsOwnRules) {
  EXPECT_THAT(
      metric(R"({"type":"Object","object":{"describedObject":{"apiVersion":"a/b/c"},"target":{"type":"Value"}}})"),
      ElementsAre("spec.metrics[0].object.describedObject.kind: Required value",
                  "spec.metrics[0].object.describedObject.name: Required value",
                  "spec.metrics[0].object.describedObject.apiVersion: Invalid value: \"a/b/c\": unexpected "
                  "GroupVersion string: a/b/c",
                  "spec.metrics[0].object.metric.name: Required value: must specify a metric name",
                  "spec.metrics[0].object.target.averageValue: Required value: must set either a target value "
                  "or averageValue"));
  EXPECT_THAT(metric(R"({"type":"External","external":{"metric":{"name":".."},"target":{"type":"Value"}}})"),
              ElementsAre("spec.metrics[0].external.metric.name: Invalid value: \"..\": may not be '..'",
                          "spec.metrics[0].external.target.averageValue: Required value: must set either a target "
                          "value for metric or a per-pod target"));
  EXPECT_THAT(metric(R"({"type":"External","external":{"metric":{"name":"q"},
                         "target":{"type":"Value","value":"1","averageValue":"1"}}})"),
              ElementsAre("spec.metrics[0].external.target.value: Forbidden: may not set both a target value for "
                          "metric and a per-pod target"));
  EXPECT_THAT(metric(R"({"type":"Pods","pods":{"metric":{"name":"m"},"target":{"type":"Value","value":"1"}}})"),
              ElementsAre("spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target "
                          "averageValue"));
  EXPECT_THAT(metric(R"({"type":"Resource","resource":{"target":{"type":"AverageValue","averageValue":"1"}}})"),
              ElementsAre("spec.metrics[0].resource.name: Required value: must specify a resource name"));
  const std::string target = R"("target":{"type":"AverageValue","averageValue":"1"}}})";
  EXPECT_THAT(metric(R"({"type":"ContainerResource","containerResource":{)" + target),
              ElementsAre("spec.metrics[0].containerResource.name: Required value: must specify a resource name",
                          "spec.metrics[0].containerResource.container: Required value: must specify a container"));
  EXPECT_THAT(
      metric(R"({"type":"ContainerResource","containerResource":{"name":"pods","container":"A",)" + target),
      ElementsAre("spec.metrics[0].containerResource.name: Invalid value: \"pods\": must be a standard resource "
                  "for containers",
                  HasSubstr("spec.metrics[0].containerResource.container: Invalid value: \"A\": a lowercase")));
  EXPECT_THAT(metric(R"({"type":"ContainerResource","containerResource":{"name":"cpu","container":"c",)" + target),
              IsEmpty());
}

TEST(Autoscaler, BehaviourIsBounded) {
  const std::string at = "spec.behavior.scaleUp.";
  EXPECT_THAT(rules(R"({"stabilizationWindowSeconds":-1,"selectPolicy":"Most","tolerance":"-1"})"),
              ElementsAre(at + "stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero",
                          at + "selectPolicy: Unsupported value: \"Most\": supported values: \"Disabled\", \"Max\", "
                               "\"Min\"",
                          at + "tolerance: Invalid value: \"-1\": must be greater than or equal to 0"));
  EXPECT_THAT(rules(R"({"stabilizationWindowSeconds":3601,"selectPolicy":"Disabled","tolerance":"100m"})"),
              ElementsAre(at + "stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600"));
  EXPECT_THAT(rules(R"({"stabilizationWindowSeconds":3600,"selectPolicy":"Min"})"), IsEmpty());
  EXPECT_THAT(rules(R"({"policies":[{"type":"Nodes","value":0,"periodSeconds":0}]})"),
              ElementsAre(at + "policies[0].type: Unsupported value: \"Nodes\": supported values: \"Percent\", "
                               "\"Pods\"",
                          at + "policies[0].value: Invalid value: 0: must be greater than zero",
                          at + "policies[0].periodSeconds: Invalid value: 0: must be greater than zero"));
  EXPECT_THAT(rules(R"({"policies":[{"type":"Pods","value":1,"periodSeconds":1801}]})"),
              ElementsAre(at + "policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800"));
  EXPECT_THAT(rules(R"({"policies":[{"type":"Percent","value":1,"periodSeconds":1800}]})"), IsEmpty());
  EXPECT_THAT(problems(R"({"spec":{"behavior":{"scaleDown":{"selectPolicy":""}}}})"),
              ElementsAre(HasSubstr("spec.behavior.scaleDown.selectPolicy: Unsupported value: \"\"")));
}

TEST(Autoscaler, Updates) {
  constexpr std::string_view kCore = R"({"spec":{"scaleTargetRef":{"apiVersion":"v1"}}})";
  EXPECT_THAT(on_update(v2(), kCore, R"({"spec":{"maxReplicas":6,"scaleTargetRef":{"apiVersion":"v1"}}})"), IsEmpty())
      << "what names the target is as before";
  EXPECT_THAT(on_update(v2(), kCore, R"({"spec":{"scaleTargetRef":{"apiVersion":"v2"}}})"),
              ElementsAre(HasSubstr("spec.scaleTargetRef.apiVersion")));
  EXPECT_THAT(on_update(v2(), kCore, R"({"spec":{"scaleTargetRef":{"apiVersion":"v1","kind":"Other"}}})"),
              ElementsAre(HasSubstr("spec.scaleTargetRef.apiVersion")));
  std::string odd(kObject);
  odd.replace(odd.find("\"v1\""), 4, "\"a/b/c\"");
  const std::string before = R"({"spec":{"metrics":[)" + odd + "]}}";
  EXPECT_THAT(on_update(v2(), before, R"({"spec":{"maxReplicas":9,"metrics":[)" + odd + "]}}"), IsEmpty());
  EXPECT_THAT(on_update(v2(), "{}", before), ElementsAre(HasSubstr("describedObject.apiVersion")));
  EXPECT_THAT(on_update(v2(), "{}", R"({"status":{"currentReplicas":-1,"desiredReplicas":-2}})"),
              ElementsAre("status.currentReplicas: Invalid value: -1: must be greater than or equal to 0",
                          "status.desiredReplicas: Invalid value: -2: must be greater than or equal to 0"));
}

}  // namespace
}  // namespace gantry::kinds::autoscaling_horizontal_pod_autoscaler_test
