// Defaults: the constants of the tree and the rules that depend on other fields.
#include "core/schema/rules/rules.hpp"
#include "core/schema/schema_testing.hpp"

namespace gantry::schema {
namespace {

using testing::document;

std::string defaulted(const Kind& kind, std::string_view json) {
  Json value = document(kind, json);
  EXPECT_TRUE(apply_defaults(kind, value).ok());
  std::string once = encode_json(*kind.message, value);
  EXPECT_TRUE(apply_defaults(kind, value).ok());
  EXPECT_EQ(encode_json(*kind.message, value), once) << "not idempotent";
  return once;
}

TEST(Defaults, Pod) {
  EXPECT_EQ(
      defaulted(testing::pod_kind(), R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx",
    "ports":[{"containerPort":80}],"resources":{"limits":{"cpu":"1"}}}]}})"),
      R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx","ports":[{"containerPort":80,"protocol":"TCP"}],)"
      R"("resources":{"limits":{"cpu":"1"},"requests":{"cpu":"1"}},"terminationMessagePath":"/dev/termination-log",)"
      R"("imagePullPolicy":"Always","terminationMessagePolicy":"File"}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,)"
      R"("dnsPolicy":"ClusterFirst","securityContext":{},"schedulerName":"default-scheduler","enableServiceLinks":true},"status":{}})");
}

TEST(Defaults, Deployment) {
  EXPECT_EQ(
      defaulted(testing::deployment_kind(),
                R"({"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},
    "spec":{"serviceAccount":"sa","hostNetwork":true,"containers":[{"name":"c","image":"nginx:1.25","ports":[{"containerPort":80}],"resources":{"limits":{"cpu":"1"}}}]}}}})"),
      R"({"metadata":{},"spec":{"replicas":1,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},)"
      R"("spec":{"containers":[{"name":"c","image":"nginx:1.25","ports":[{"containerPort":80,"protocol":"TCP"}],"resources":{"limits":{"cpu":"1"}},)"
      R"("terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent","terminationMessagePolicy":"File"}],)"
      R"("restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"sa","serviceAccount":"sa",)"
      R"("hostNetwork":true,"securityContext":{},"schedulerName":"default-scheduler"}},)"
      R"("strategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":"25%","maxSurge":"25%"}},"revisionHistoryLimit":10,)"
      R"("progressDeadlineSeconds":600},"status":{}})");
}

TEST(Defaults, RecreateHasNoRollingParameters) {
  Json value = document(testing::deployment_kind(), R"({"spec":{"strategy":{"type":"Recreate"}}})");
  EXPECT_TRUE(apply_defaults(testing::deployment_kind(), value).ok());
  EXPECT_FALSE(value.at("spec").at("strategy").as_object().contains("rollingUpdate"));
}

TEST(Defaults, ProbesVolumesAndEnv) {
  Json pod = document(
      testing::pod_kind(),
      R"({"spec":{"hostNetwork":true,"volumes":[{"name":"a"},{"name":"b","configMap":{"name":"x"}},{"name":"c","hostPath":{"path":"/"}},
    {"name":"d","projected":{"sources":[{"serviceAccountToken":{"path":"t"}},{"downwardAPI":{"items":[{"path":"l","fieldRef":{"fieldPath":"metadata.labels"}}]}}]}}],
    "containers":[{"name":"c","image":"i:latest","ports":[{"containerPort":80}],"env":[{"name":"E","valueFrom":{"fieldRef":{"fieldPath":"status.podIP"}}}],
    "livenessProbe":{"httpGet":{"port":80}},"readinessProbe":{"grpc":{"port":5},"periodSeconds":3},"lifecycle":{"preStop":{"httpGet":{"port":1}}}}]}})");
  EXPECT_TRUE(apply_defaults(testing::pod_kind(), pod).ok());
  const auto& spec = pod.at("spec");
  const auto& container = spec.at("containers").at(0);
  EXPECT_EQ(container.at("livenessProbe").at("httpGet").at("scheme"), "HTTP");
  EXPECT_EQ(container.at("livenessProbe").at("httpGet").at("path"), "/");
  EXPECT_EQ(container.at("livenessProbe").at("failureThreshold"), 3);
  EXPECT_EQ(container.at("readinessProbe").at("periodSeconds"), 3);
  EXPECT_EQ(container.at("readinessProbe").at("grpc").at("service"), "");
  EXPECT_EQ(container.at("lifecycle").at("preStop").at("httpGet").at("scheme"), "HTTP");
  EXPECT_EQ(container.at("env").at(0).at("valueFrom").at("fieldRef").at("apiVersion"), "v1");
  EXPECT_EQ(container.at("ports").at(0).at("hostPort"), 80);
  EXPECT_EQ(container.at("imagePullPolicy"), "Always");
  EXPECT_TRUE(spec.at("volumes").at(0).at("emptyDir").is_object());
  EXPECT_EQ(spec.at("volumes").at(1).at("configMap").at("defaultMode"), 420);
  EXPECT_EQ(spec.at("volumes").at(2).at("hostPath").at("type"), "");
  EXPECT_EQ(
      spec.at("volumes").at(3).at("projected").at("sources").at(0).at("serviceAccountToken").at("expirationSeconds"),
      3600);
  EXPECT_EQ(spec.at("volumes")
                .at(3)
                .at("projected")
                .at("sources")
                .at(1)
                .at("downwardAPI")
                .at("items")
                .at(0)
                .at("fieldRef")
                .at("apiVersion"),
            "v1");
}

TEST(Defaults, PullPolicy) {
  const auto policy_of = [](std::string_view image) {
    Json pod = document(testing::pod_kind(),
                        R"({"spec":{"containers":[{"name":"c","image":")" + std::string(image) + R"("}]}})");
    EXPECT_TRUE(apply_defaults(testing::pod_kind(), pod).ok());
    return std::string(pod.at("spec").at("containers").at(0).at("imagePullPolicy").as_string());
  };
  EXPECT_EQ(policy_of("nginx"), "Always");
  EXPECT_EQ(policy_of("host:5000/nginx"), "Always");
  EXPECT_EQ(policy_of("host:5000/nginx:1"), "IfNotPresent");
  EXPECT_EQ(policy_of("nginx:latest"), "Always");
  EXPECT_EQ(policy_of("nginx@sha256:00"), "IfNotPresent");
}

TEST(Defaults, SecretAndNamespace) {
  const Kind& secret = testing::kind("", "Secret");
  EXPECT_EQ(defaulted(secret, R"({"data":{"a":"eA==","b":"eQ=="},"stringData":{"a":"new"}})"),
            R"({"metadata":{},"data":{"a":"bmV3","b":"eQ=="},"type":"Opaque"})");
  const Kind& ns = testing::kind("", "Namespace");
  EXPECT_EQ(
      defaulted(ns, R"({"metadata":{"name":"x"}})"),
      R"({"metadata":{"name":"x","labels":{"kubernetes.io/metadata.name":"x"}},"spec":{},"status":{"phase":"Active"}})");
}

}  // namespace
}  // namespace gantry::schema
