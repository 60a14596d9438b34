// What kinds tell of objects that are valid, in upstream's words.
#include "core/schema/rules/warnings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/kinds/kinds_testing.hpp"

namespace gantry::kinds::warned {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Texts = std::vector<std::string>;

Texts told(const Kind& what, std::string_view base, std::string_view patch = "{}") {
  return schema::warnings_of(what, made(what, base, patch), nullptr);
}
Texts told_of_update(const Kind& what, std::string_view base, std::string_view patch, std::string_view before = "{}") {
  const Json old = made(what, base, before);
  return schema::warnings_of(what, made(what, base, patch), &old);
}
Texts told_of_status(const Kind& what, std::string_view base, std::string_view patch) {
  const Json old = made(what, base);
  return schema::warnings_of(what, made(what, base, patch), &old, true);
}

constexpr std::string_view kPod =
    R"({"metadata":{"name":"p","namespace":"n"},"spec":{"containers":[{"name":"c","image":"i"}]}})";

TEST(Warnings, OfAnOrdinaryPodThereAreNone) {
  EXPECT_THAT(told(pod_kind(), kPod), IsEmpty());
  EXPECT_THAT(told_of_update(pod_kind(), kPod, R"({"spec":{"terminationGracePeriodSeconds":-1}})"), IsEmpty());
}

TEST(Warnings, OfThePodItself) {
  EXPECT_THAT(
      told(pod_kind(), kPod, R"({"metadata":{"name":"a.b"}})"),
      ElementsAre(::testing::StartsWith("metadata.name: this is used in the Pod's hostname, which can result in "
                                        "surprising behavior; a DNS label is recommended: [must not contain dots]")));
  EXPECT_THAT(
      told(pod_kind(), kPod, R"({"metadata":{"annotations":{"seccomp.security.alpha.kubernetes.io/pod":"x",
           "container.apparmor.security.beta.kubernetes.io/c":"x","security.alpha.kubernetes.io/sysctls":"x"}}})"),
      ElementsAre("metadata.annotations[security.alpha.kubernetes.io/sysctls]: non-functional in v1.11+; use the "
                  "\"sysctls\" field instead",
                  "metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "
                  "\"seccompProfile\" field instead",
                  "metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use "
                  "the \"appArmorProfile\" field instead"));
  EXPECT_THAT(told(pod_kind(), kPod, R"({"spec":{"terminationGracePeriodSeconds":-1,
                  "hostAliases":[{"ip":"1.1.1.1"},{"ip":"1.1.1.1"}],
                  "imagePullSecrets":[{"name":"a"},{"name":""},{"name":"a"}]}})"),
              ElementsAre("spec.hostAliases[1].ip: duplicate ip \"1.1.1.1\"",
                          "spec.imagePullSecrets[2].name: duplicate name \"a\"",
                          "spec.imagePullSecrets[1].name: invalid empty name \"\"",
                          "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be "
                          "treated as 1"));
}

TEST(Warnings, OfWhereAPodMayRun) {
  EXPECT_THAT(
      told(pod_kind(), kPod, R"({"spec":{"nodeSelector":{"beta.kubernetes.io/os":"linux"},
         "topologySpreadConstraints":[{"maxSkew":1,"whenUnsatisfiable":"DoNotSchedule",
           "topologyKey":"failure-domain.beta.kubernetes.io/zone"}],
         "affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[
           {"matchExpressions":[{"key":"node-role.kubernetes.io/master","operator":"Exists"}]}]}},
           "podAntiAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":[
             {"weight":1,"podAffinityTerm":{"topologyKey":"t"}}]}}}})"),
      ElementsAre("spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead",
                  "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]."
                  "matchExpressions[0].key: node-role.kubernetes.io/master is use "
                  "\"node-role.kubernetes.io/control-plane\" instead",
                  "spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated "
                  "since v1.17; use \"topology.kubernetes.io/zone\" instead",
                  "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
                  "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm."
                  "labelSelector: a null labelSelector results in matching no pod"));
}

TEST(Warnings, OfContainers) {
  const auto container = [](const std::string& more) {
    return R"({"spec":{"containers":[{"name":"c","image":"i",)" + more + "}]}}";
  };
  EXPECT_THAT(told(pod_kind(), kPod, container(R"x("env":[{"name":"A","value":"1"},{"name":"A","value":"2"},
                  {"name":"A","value":"$(A)3"},{"name":"A","value":"$(A)"}])x")),
              ElementsAre("spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when "
                          "using apply",
                          "spec.containers[0].env[3]: hides previous definition of \"A\", which may be dropped when "
                          "using apply"));
  EXPECT_THAT(told(pod_kind(), kPod, container(R"("resources":{"limits":{"memory":"1500m"},
                  "requests":{"memory":"100m","cpu":"100m"}})")),
              ElementsAre("spec.containers[0].resources.limits[memory]: fractional byte value \"1500m\" is invalid, "
                          "must be an integer",
                          "spec.containers[0].resources.requests[memory]: fractional byte value \"100m\" is invalid, "
                          "must be an integer"));
  EXPECT_THAT(
      told(pod_kind(), kPod, container(R"("ports":[{"containerPort":80},{"containerPort":80},
           {"containerPort":81,"hostPort":1},{"containerPort":81},
           {"containerPort":82,"hostPort":2,"hostIP":"1.1.1.1"},{"containerPort":82,"hostPort":2},
           {"name":"w","containerPort":83,"hostIP":"1.1.1.1"}])")),
      ElementsAre("spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
                  "spec.containers[0].ports[3]: overlapping port definition with spec.containers[0].ports[2]",
                  "spec.containers[0].ports[5]: dangerously ambiguous port definition with spec.containers[0].ports[4]",
                  "spec.containers[0].ports[6]: hostIP set without hostPort: {Name:w HostPort:0 ContainerPort:83 "
                  "Protocol:TCP HostIP:1.1.1.1}"));
}

TEST(Warnings, OfVolumes) {
  const auto volume = [](const std::string& source) { return R"({"spec":{"volumes":[{"name":"v",)" + source + "}]}}"; };
  EXPECT_THAT(told(pod_kind(), kPod, volume(R"("gitRepo":{"repository":"r"})")),
              ElementsAre("spec.volumes[0].gitRepo: deprecated in v1.11"));
  EXPECT_THAT(told(pod_kind(), kPod, volume(R"("configMap":{"name":"m","items":[{"key":"a","path":"x"},
                  {"key":"b","path":"xy"},{"key":"c","path":"x/y"}]})")),
              ElementsAre("volume \"v\" (ConfigMap \"m\"): overlapping paths: \"x/y\" with \"x\""));
  EXPECT_THAT(told(pod_kind(), kPod, volume(R"("projected":{"sources":[{"secret":{"name":"s","items":[
                  {"key":"a","path":"t/x"}]}},{"serviceAccountToken":{"path":"t"}},{}]})")),
              ElementsAre("volume \"v\" (Projected ServiceAccountToken): overlapping paths: \"t/x\" with \"t\"",
                          "volume \"v\" (Projected) has no sources provided"));
  EXPECT_THAT(told(pod_kind(), kPod, volume(R"("ephemeral":{"volumeClaimTemplate":{"spec":{
                  "accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1500m"}}}}})")),
              ElementsAre("spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: fractional "
                          "byte value \"1500m\" is invalid, must be an integer"));
}

// However many ports and paths there are.
TEST(Warnings, AreBounded) {
  std::string ports, items;
  for (int i = 0; i < 20'000; ++i) {
    ports +=
        std::string(i == 0 ? "" : ",") + R"({"containerPort":80,"hostPort":)" + std::to_string(i % 60'000 + 1) + "}";
    items += std::string(i == 0 ? "" : ",") + R"({"key":"k","path":"a/)" + std::to_string(i) + "\"}";
  }
  EXPECT_THAT(told(pod_kind(), kPod, R"({"spec":{"containers":[{"name":"c","image":"i","ports":[)" + ports + "]}]}}"),
              IsEmpty());
  const std::string map = R"({"spec":{"volumes":[{"name":"v","configMap":{"name":"m","items":[)" + items;
  EXPECT_THAT(told(pod_kind(), kPod, map + "]}}]}}"), IsEmpty());
  EXPECT_EQ(told(pod_kind(), kPod, map + "," + items + "]}}]}}").size(), schema::Warnings::kMost);
}

constexpr std::string_view kDeployment = R"({"metadata":{"name":"d","namespace":"n","generation":1},"spec":{
    "selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{
    "containers":[{"name":"c","image":"i"}],"nodeSelector":{"app.kubernetes.io/created-by":"me"}}}}})";
constexpr std::string_view kTold =
    "spec.template.spec.nodeSelector[app.kubernetes.io/created-by]: deprecated since v1.9";

TEST(Warnings, OfTemplatesWhenTheyAreNews) {
  EXPECT_THAT(told(deployment_kind(), kDeployment), ElementsAre(kTold));
  EXPECT_THAT(told_of_update(deployment_kind(), kDeployment, R"({"metadata":{"labels":{"a":"b"}}})"), IsEmpty());
  EXPECT_THAT(told_of_update(deployment_kind(), kDeployment, R"({"metadata":{"generation":2}})"), ElementsAre(kTold));
  EXPECT_THAT(told(deployment_kind(), kDeployment, R"({"metadata":{"name":"a.b"}})").front(),
              ::testing::StartsWith("metadata.name: this is used in Pod names and hostnames, which can"));
  EXPECT_THAT(told(kind("apps", "DaemonSet"), kDeployment, R"({"metadata":{"name":"a.b"}})"), ElementsAre(kTold));
  const std::string claims = R"({"spec":{"revisionHistoryLimit":-1,"volumeClaimTemplates":[{"metadata":{"name":"x"},
      "spec":{"resources":{"limits":{"storage":"1500m"}}}}]}})";
  EXPECT_THAT(told(kind("apps", "StatefulSet"), kDeployment, claims),
              ElementsAre(kTold,
                          "spec.volumeClaimTemplates[0].resources.limits[storage]: fractional byte value \"1500m\" is "
                          "invalid, must be an integer",
                          "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 "
                          "is recommended"));
  EXPECT_THAT(
      told(kind("batch", "Job"), R"({"metadata":{"name":"j"},"spec":{"completionMode":"Indexed",
                  "completions":100001,"parallelism":10001,"template":{"spec":{"restartPolicy":"Never",
                  "containers":[{"name":"c","image":"i"}]}}}})"),
      ElementsAre(::testing::StartsWith("spec: In Indexed Jobs with a number of completions higher than 10^5")));
}

constexpr std::string_view kService =
    R"({"metadata":{"name":"s","namespace":"n"},"spec":{"ports":[{"port":80}],"selector":{"a":"b"}}})";

TEST(Warnings, OfServices) {
  const Kind& service = kind("", "Service");
  EXPECT_THAT(told(service, kService), IsEmpty());
  EXPECT_THAT(told(service, kService, R"({"metadata":{"annotations":{
                  "service.kubernetes.io/topology-aware-hints":"auto"}},"spec":{"externalName":"x",
                  "externalIPs":["010.1.1.1"],"trafficDistribution":"PreferClose"}})"),
              ElementsAre("annotation service.kubernetes.io/topology-aware-hints is deprecated, please use "
                          "service.kubernetes.io/topology-mode instead",
                          "spec.externalIPs[0]: non-standard IP address \"010.1.1.1\" will be considered invalid in a "
                          "future Kubernetes release: use \"10.1.1.1\"",
                          "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
                          "spec.externalName is ignored when spec.type is not \"ExternalName\"",
                          "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\""));
  EXPECT_THAT(told(service, kService, R"({"spec":{"clusterIP":"None","loadBalancerIP":"1.1.1.1",
                  "externalIPs":["1.1.1.1"],"sessionAffinity":"ClientIP"}})"),
              ElementsAre("spec.loadBalancerIP is ignored for headless services",
                          "spec.externalIPs is ignored for headless services",
                          "spec.SessionAffinity is ignored for headless services"));
  EXPECT_THAT(told(service, kService, R"({"spec":{"type":"LoadBalancer","loadBalancerIP":"2001:db8:0::1",
                  "loadBalancerSourceRanges":["10.1.1.1/8","::ffff:10.0.0.0/104","2001:DB8::/32"]}})"),
              ElementsAre("spec.loadBalancerIP: IPv6 address \"2001:db8:0::1\" should be in RFC 5952 canonical format "
                          "(\"2001:db8::1\")",
                          "spec.loadBalancerSourceRanges[0]: CIDR value \"10.1.1.1/8\" is ambiguous in this context "
                          "(should be \"10.0.0.0/8\" or \"10.1.1.1/32\"?)",
                          "spec.loadBalancerSourceRanges[1]: non-standard CIDR value \"::ffff:10.0.0.0/104\" will be "
                          "considered invalid in a future Kubernetes release: use \"10.0.0.0/8\"",
                          "spec.loadBalancerSourceRanges[2]: IPv6 CIDR value \"2001:DB8::/32\" should be in RFC 5952 "
                          "canonical format (\"2001:db8::/32\")"));
  EXPECT_THAT(told(service, kService, R"({"spec":{"loadBalancerSourceRanges":["::ffff:0.0.0.0/96"]}})"),
              ElementsAre(::testing::EndsWith("use \"0.0.0.0/0\"")));
  EXPECT_THAT(
      told_of_status(service, kService, R"({"status":{"loadBalancer":{"ingress":[{"ip":"01.1.1.1"}]}}})"),
      ElementsAre(::testing::StartsWith("status.loadBalancer.ingress[0]: non-standard IP address \"01.1.1.1\"")));
}

TEST(Warnings, OfAddressesElsewhere) {
  EXPECT_THAT(told(kind("", "Endpoints"), R"({"metadata":{"name":"e"},"subsets":[{"notReadyAddresses":[
                  {"ip":"01.1.1.1"}]}]})"),
              ElementsAre(::testing::StartsWith("subsets[0].notReadyAddresses[0].ip: non-standard IP address")));
  EXPECT_EQ(kind("", "Endpoints").deprecated,
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
  const Kind& slice = kind("discovery.k8s.io", "EndpointSlice");
  const std::string body = R"({"metadata":{"name":"e"},"addressType":"IPv6","endpoints":[{"addresses":["::0:1"]}]})";
  EXPECT_THAT(told(slice, body), ElementsAre(::testing::StartsWith("endpoints[0].addresses[0]: IPv6 address")));
  EXPECT_THAT(told(slice, body, R"({"metadata":{"labels":{
                  "endpointslice.kubernetes.io/managed-by":"endpointslice-controller.k8s.io"}}})"),
              IsEmpty());
  EXPECT_THAT(told(slice, body, R"({"addressType":"FQDN"})").front(),
              "spec.addressType: FQDN endpoints are deprecated");
  EXPECT_THAT(told(kind("networking.k8s.io", "NetworkPolicy"), R"({"metadata":{"name":"e"},"spec":{
                  "podSelector":{},"egress":[{"to":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.1.1/16"]}}]}]}})"),
              ElementsAre(::testing::StartsWith("spec.egress[0].to[0].ipBlock.except[0]: CIDR value \"10.1.1.1/16\" is "
                                                "ambiguous")));
}

TEST(Warnings, OfStorage) {
  const Kind& volume = kind("", "PersistentVolume");
  EXPECT_THAT(
      told(volume, R"({"metadata":{"name":"v","annotations":{"volume.beta.kubernetes.io/mount-options":"ro"}},"spec":{
           "persistentVolumeReclaimPolicy":"Recycle","cephfs":{"monitors":["m"]},"capacity":{"storage":"1Gi"},
           "nodeAffinity":{"required":{"nodeSelectorTerms":[{"matchExpressions":[
             {"key":"beta.kubernetes.io/arch","operator":"In","values":["-x"]}]}]}}}})"),
      ElementsAre(
          "metadata.annotations[volume.beta.kubernetes.io/mount-options]: deprecated since v1.31; use "
          "\"mountOptions\" attribute instead",
          "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the "
          "recommended approach is to use dynamic provisioning.",
          "spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/arch is "
          "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
          ::testing::StartsWith("spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values[0]: "
                                "-x is invalid, a valid label must be"),
          "spec.cephfs: deprecated in v1.28, non-functional in v1.31+"));
  EXPECT_THAT(told(kind("", "PersistentVolumeClaim"), R"({"metadata":{"name":"c","annotations":{
                  "volume.beta.kubernetes.io/storage-class":"a"}},"spec":{"resources":{"requests":{
                  "storage":"100m"}}}})"),
              ElementsAre("metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "
                          "\"storageClassName\" attribute instead",
                          "spec.resources.requests[storage]: fractional byte value \"100m\" is invalid, must be an "
                          "integer"));
  EXPECT_THAT(told(kind("storage.k8s.io", "StorageClass"), R"({"metadata":{"name":"c"},"provisioner":"p",
                  "allowedTopologies":[{"matchLabelExpressions":[{"key":"beta.kubernetes.io/os","values":["a"]}]}]})"),
              ElementsAre("allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.14; use "
                          "\"kubernetes.io/os\" instead"));
}

TEST(Warnings, OfOthers) {
  const std::string ingress =
      R"({"metadata":{"name":"i","annotations":{"kubernetes.io/ingress.class":"x"}},"spec":{}})";
  EXPECT_THAT(told(kind("networking.k8s.io", "Ingress"), ingress),
              ElementsAre("annotation \"kubernetes.io/ingress.class\" is deprecated, please use "
                          "'spec.ingressClassName' instead"));
  EXPECT_THAT(told(kind("networking.k8s.io", "Ingress"), ingress, R"({"spec":{"ingressClassName":"x"}})"), IsEmpty());
  EXPECT_THAT(told(kind("", "ServiceAccount"), R"({"metadata":{"name":"i","annotations":{
                  "kubernetes.io/enforce-mountable-secrets":"true"}}})"),
              ElementsAre("metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer "
                          "separate namespaces to isolate access to mounted secrets"));
  EXPECT_THAT(told(kind("", "Node"), R"({"metadata":{"name":"n"},"spec":{"externalID":"x"}})"),
              ElementsAre("spec.externalID: this field is deprecated, and is unused by Kubernetes"));
  EXPECT_THAT(told_of_update(kind("batch", "CronJob"), R"({"metadata":{"name":"c"},"spec":{
                  "schedule":"CRON_TZ=UTC * * * * *","jobTemplate":{"spec":{"template":{"spec":{
                  "restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}}}})",
                             "{}"),
              ElementsAre(::testing::StartsWith("cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone")));
}

}  // namespace
}  // namespace gantry::kinds::warned
