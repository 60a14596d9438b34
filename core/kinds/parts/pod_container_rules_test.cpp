// Containers: names, ports, environment, resources, probes.
#include "core/kinds/parts/pod_testing.hpp"

namespace gantry::kinds::parts_pod_container_rules_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Containers, ContainersAreNamedOnceOverAllLists) {
  EXPECT_THAT(pod_problems(R"({"spec":{"containers":[]}})"), ElementsAre("spec.containers: Required value"));
  EXPECT_THAT(pod_problems(R"({"spec":{"containers":[{"name":"a","image":"i"},{"name":"a","image":"i"}]}})"),
              ElementsAre("spec.containers[1].name: Duplicate value: \"a\""));
  EXPECT_THAT(pod_problems(R"({"spec":{"initContainers":[{"name":"c","image":"i"}]}})"),
              ElementsAre("spec.initContainers[0].name: Duplicate value: \"c\""));
  EXPECT_THAT(pod_problems(R"({"spec":{"containers":[{"name":"c"}]}})"),
              ElementsAre("spec.containers[0].image: Required value"));
  EXPECT_THAT(
      pod_problems(R"({"spec":{"containers":[{"name":"C","image":" i"}]}})"),
      ElementsAre(HasSubstr("spec.containers[0].name: Invalid value: \"C\": a lowercase RFC 1123 label must"),
                  "spec.containers[0].image: Invalid value: \" i\": must not have leading or trailing whitespace"));
  EXPECT_THAT(container_problems(R"("imagePullPolicy":"Sometimes")"),
              ElementsAre("spec.containers[0].imagePullPolicy: Unsupported value: \"Sometimes\": supported values: "
                          "\"Always\", \"IfNotPresent\", \"Never\""));
  EXPECT_THAT(
      container_problems(R"("terminationMessagePolicy":"X")"),
      ElementsAre(HasSubstr("terminationMessagePolicy: Unsupported value: \"X\": supported values: \"File\", ")));
}

TEST(Containers, Ports) {
  EXPECT_THAT(container_problems(R"("ports":[{"containerPort":0}])"),
              ElementsAre("spec.containers[0].ports[0].containerPort: Required value"));
  EXPECT_THAT(
      container_problems(R"("ports":[{"containerPort":70000}])"),
      ElementsAre(
          "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"));
  EXPECT_THAT(
      container_problems(R"("ports":[{"containerPort":1,"hostPort":-1}])"),
      ElementsAre("spec.containers[0].ports[0].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive"));
  EXPECT_THAT(container_problems(R"("ports":[{"containerPort":1,"protocol":"tcp"}])"),
              ElementsAre("spec.containers[0].ports[0].protocol: Unsupported value: \"tcp\": supported values: "
                          "\"SCTP\", \"TCP\", \"UDP\""));
  EXPECT_THAT(container_problems(R"("ports":[{"containerPort":1,"name":"a"},{"containerPort":2,"name":"a"}])"),
              ElementsAre("spec.containers[0].ports[1].name: Duplicate value: \"a\""));
  EXPECT_THAT(container_problems(R"("ports":[{"containerPort":1,"hostPort":5},{"containerPort":2,"hostPort":5}])"),
              ElementsAre("spec.containers[0].ports[1].hostPort: Duplicate value: \"TCP//5\""));
  EXPECT_THAT(container_problems(R"("ports":[{"containerPort":80},{"containerPort":80}])"), IsEmpty())
      << "taken, with a warning";
  EXPECT_THAT(container_problems(R"("ports":[{"containerPort":80,"hostPort":81}])", R"("hostNetwork":true,)"),
              ElementsAre("spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when "
                          "`hostNetwork` is true"));
  EXPECT_THAT(container_problems(R"("ports":[{"containerPort":80}])", R"("hostNetwork":true,)"), IsEmpty());
}

TEST(Containers, Environment) {
  EXPECT_THAT(container_problems(R"("env":[{"name":""}])"),
              ElementsAre("spec.containers[0].env[0].name: Required value"));
  EXPECT_THAT(container_problems(R"("env":[{"name":"a=b"}])"),
              ElementsAre(HasSubstr("printable ASCII characters other than '='")));
  EXPECT_THAT(container_problems(R"("env":[{"name":"1 a.b"},{"name":"x"},{"name":"x"}])"), IsEmpty());
  EXPECT_THAT(container_problems(R"("env":[{"name":"a","valueFrom":{}}])"),
              ElementsAre("spec.containers[0].env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, "
                          "`resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"));
  EXPECT_THAT(
      container_problems(R"("env":[{"name":"a","value":"b","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}])"),
      ElementsAre(
          "spec.containers[0].env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty"));
  EXPECT_THAT(
      container_problems(
          R"("env":[{"name":"a","valueFrom":{"secretKeyRef":{"name":"s","key":"k"},"configMapKeyRef":{"name":"s","key":"k"}}}])"),
      ElementsAre(HasSubstr("may not have more than one field specified at a time")));
  EXPECT_THAT(
      container_problems(R"("env":[{"name":"a","valueFrom":{"fieldRef":{"fieldPath":"spec.hostname"}}}])"),
      ElementsAre("spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"spec.hostname\": error "
                  "converting fieldPath: field label not supported: spec.hostname"));
  EXPECT_THAT(
      container_problems(R"("env":[{"name":"a","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels"}}}])"),
      ElementsAre(HasSubstr(
          "fieldRef.fieldPath: Unsupported value: \"metadata.labels\": supported values: \"metadata.name\", ")));
  EXPECT_THAT(container_problems(R"("env":[{"name":"a","valueFrom":{"resourceFieldRef":{"resource":"limits.gpu"}}}])"),
              ElementsAre(HasSubstr(
                  "resourceFieldRef.resource: Unsupported value: \"limits.gpu\": supported values: \"limits.cpu\", ")));
  EXPECT_THAT(
      container_problems(R"("envFrom":[{"prefix":"X"}])"),
      ElementsAre(
          "spec.containers[0].envFrom: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`"));
}

TEST(Containers, Resources) {
  EXPECT_THAT(container_problems(R"("resources":{"limits":{"cpu":"1"},"requests":{"cpu":"1500m"}})"),
              ElementsAre("spec.containers[0].resources.requests: Invalid value: \"1500m\": must be less than or equal "
                          "to cpu limit of 1"));
  EXPECT_THAT(
      container_problems(R"("resources":{"requests":{"memory":"-1"}})"),
      ElementsAre(
          "spec.containers[0].resources.requests[memory]: Invalid value: \"-1\": must be greater than or equal to 0"));
  EXPECT_THAT(container_problems(R"("resources":{"limits":{"gpu":"1"}})"),
              ::testing::Contains("spec.containers[0].resources.limits[gpu]: Invalid value: \"gpu\": must be a "
                                  "standard resource for containers"));
  EXPECT_THAT(
      container_problems(R"("resources":{"limits":{"example.com/gpu":"500m"}})"),
      ElementsAre(
          "spec.containers[0].resources.limits[example.com/gpu]: Invalid value: \"500m\": must be an integer",
          "spec.containers[0].resources.requests[example.com/gpu]: Invalid value: \"500m\": must be an integer"));
  EXPECT_THAT(
      container_problems(R"("resources":{"requests":{"example.com/gpu":"1"}})"),
      ElementsAre(
          "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources"));
  EXPECT_THAT(container_problems(R"("resources":{"limits":{"hugepages-2Mi":"4Mi"}})"),
              ElementsAre("spec.containers[0].resources: Forbidden: HugePages require cpu or memory"));
  EXPECT_THAT(
      container_problems(R"("resources":{"limits":{"cpu":"1","hugepages-2Mi":"4Mi","ephemeral-storage":"1Gi"}})"),
      IsEmpty());
}

TEST(Containers, Probes) {
  EXPECT_THAT(container_problems(R"("livenessProbe":{})"),
              ElementsAre("spec.containers[0].livenessProbe: Required value: must specify a handler type"));
  EXPECT_THAT(
      container_problems(R"("readinessProbe":{"exec":{"command":["a"]},"tcpSocket":{"port":1}})"),
      ElementsAre("spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"));
  EXPECT_THAT(container_problems(R"("livenessProbe":{"tcpSocket":{"port":1},"successThreshold":2})"),
              ElementsAre("spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"));
  EXPECT_THAT(container_problems(R"("readinessProbe":{"tcpSocket":{"port":0}})"),
              ElementsAre("spec.containers[0].readinessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and "
                          "65535, inclusive"));
  EXPECT_THAT(
      container_problems(R"("readinessProbe":{"httpGet":{"port":"no_name"}})"),
      ElementsAre(HasSubstr("httpGet.port: Invalid value: \"no_name\": must contain only alpha-numeric characters")));
  EXPECT_THAT(
      container_problems(R"("readinessProbe":{"httpGet":{"port":1,"scheme":"FTP"},"periodSeconds":-1})"),
      ElementsAre(
          "spec.containers[0].readinessProbe.httpGet.scheme: Unsupported value: \"FTP\": supported values: \"HTTP\", "
          "\"HTTPS\"",
          "spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0"));
  EXPECT_THAT(container_problems(R"("readinessProbe":{"tcpSocket":{"port":1},"terminationGracePeriodSeconds":3})"),
              ElementsAre(HasSubstr("must not be set for readinessProbes")));
  EXPECT_THAT(
      container_problems(R"("lifecycle":{"preStop":{"sleep":{"seconds":31}}})"),
      ElementsAre("spec.containers[0].lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less "
                  "than terminationGracePeriodSeconds (30)"));
  EXPECT_THAT(pod_problems(
                  R"({"spec":{"initContainers":[{"name":"i","image":"i","livenessProbe":{"tcpSocket":{"port":1}}}]}})"),
              ElementsAre("spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without "
                          "restartPolicy=Always"));
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"initContainers":[{"name":"i","image":"i","restartPolicy":"Always","livenessProbe":{"tcpSocket":{"port":1}}}]}})"),
      IsEmpty());
}

TEST(Containers, SourcesOfTheEnvironment) {
  constexpr std::string_view kBoth = "may not have more than one field specified at a time";
  EXPECT_THAT(container_problems(R"("env":[{"name":"E","valueFrom":{"configMapKeyRef":{"name":"C","key":"a/b"}}}])"),
              ElementsAre(HasSubstr("env[0].valueFrom.configMapKeyRef.name: Invalid value: \"C\""),
                          HasSubstr("env[0].valueFrom.configMapKeyRef.key: Invalid value: \"a/b\"")));
  EXPECT_THAT(container_problems(R"("env":[{"name":"E","valueFrom":{"secretKeyRef":{"name":"s","key":"a/b"}}}])"),
              ElementsAre(HasSubstr("env[0].valueFrom.secretKeyRef.key: Invalid value: \"a/b\"")));
  EXPECT_THAT(container_problems(R"("env":[{"name":"E","valueFrom":{"secretKeyRef":{"name":"s","key":"k"}}}])"),
              IsEmpty());
  EXPECT_THAT(container_problems(R"("env":[{"name":"E","valueFrom":{"secretKeyRef":{"name":"s","key":"k"},
                                     "configMapKeyRef":{"name":"c","key":"k"}}}])"),
              ElementsAre("spec.containers[0].env[0].valueFrom: Invalid value: \"\": " + std::string(kBoth)));
  EXPECT_THAT(
      container_problems(
          R"("env":[{"name":"E"}],"envFrom":[{"secretRef":{"name":"s"}},{"prefix":"a=","secretRef":{"name":"S"}}])"),
      ElementsAre(HasSubstr("spec.containers[0].envFrom[1].prefix: Invalid value: \"a=\""),
                  HasSubstr("spec.containers[0].envFrom[1].secretRef.name: Invalid value: \"S\"")));
  EXPECT_THAT(container_problems(R"("envFrom":[{"secretRef":{"name":"s"},"configMapRef":{"name":"c"}}])"),
              ElementsAre("spec.containers[0].envFrom: Invalid value: \"\": " + std::string(kBoth)));
}

TEST(Containers, FieldsAndResourcesAsVariables) {
  const auto field = [](std::string_view path) {
    return container_problems(R"("env":[{"name":"E","valueFrom":{"fieldRef":{"fieldPath":")" + std::string(path) +
                              R"("}}}])");
  };
  EXPECT_THAT(field("status.podIP"), IsEmpty());
  EXPECT_THAT(field("metadata.labels['a.b/c']"), IsEmpty());
  EXPECT_THAT(field("metadata.annotations['A.B/c']"), IsEmpty()) << "case does not matter";
  EXPECT_THAT(field("metadata.labels['A.B/c']"), ElementsAre(HasSubstr("fieldRef: Invalid value: \"A.B/c\"")));
  EXPECT_THAT(field("metadata.labels['a b']"), ElementsAre(HasSubstr("fieldRef: Invalid value: \"a b\"")));
  EXPECT_THAT(field("metadata.labels"), ElementsAre(HasSubstr("fieldPath: Unsupported value: \"metadata.labels\"")));
  EXPECT_THAT(field("status.odd"), ElementsAre(HasSubstr("field label not supported: status.odd")));
  EXPECT_THAT(field("spec.host"), IsEmpty());
  EXPECT_THAT(field("status.phase"), ElementsAre(HasSubstr("fieldPath: Unsupported value: \"status.phase\"")));
  EXPECT_THAT(field("metadata.annotations['A B']"), ElementsAre(HasSubstr("fieldRef: Invalid value: \"A B\"")));
  EXPECT_THAT(field("spec.nodeName['a']"),
              ElementsAre(HasSubstr("fieldPath: Invalid value: \"spec.nodeName['a']\": error converting fieldPath: "
                                    "field label does not support subscript: spec.nodeName['a']")));
  EXPECT_THAT(field("metadata.name\",\"apiVersion\":\"v2"),
              ElementsAre(HasSubstr("error converting fieldPath: unsupported pod version: v2")));
  const auto resource = [](std::string_view name, std::string_view divisor) {
    return container_problems(R"("env":[{"name":"E","valueFrom":{"resourceFieldRef":{"resource":")" +
                              std::string(name) + R"(","divisor":")" + std::string(divisor) + R"("}}}])");
  };
  EXPECT_THAT(resource("limits.cpu", "1m"), IsEmpty());
  EXPECT_THAT(resource("limits.cpu", "1"), IsEmpty());
  EXPECT_THAT(resource("limits.cpu", "2"), ElementsAre(HasSubstr("only divisor's values 1m and 1 are supported")));
  EXPECT_THAT(resource("limits.hugepages-2Mi", "1"), IsEmpty());
  EXPECT_THAT(resource("limits.memory", "1Ki"), IsEmpty());
  constexpr std::string_view kUnits = "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei ";
  for (const auto& [name, words] : {std::pair{"limits.memory", "the memory"},
                                    std::pair{"requests.ephemeral-storage", "the local ephemeral storage"},
                                    std::pair{"limits.hugepages-2Mi", "the hugepages"}}) {
    EXPECT_THAT(resource(name, "2"),
                ElementsAre(HasSubstr("divisor: Invalid value: \"" + std::string(name) + "\": " + std::string(kUnits) +
                                      "are supported with " + words + " resource")));
  }
  EXPECT_THAT(resource("limits.disks", "1"), ElementsAre(HasSubstr("Unsupported value: \"limits.disks\"")));
}

TEST(Containers, ResourcesThatAreNotShared) {
  const auto with = [](std::string_view request, std::string_view limit) {
    return container_problems(R"("resources":{"requests":{"cpu":"1",)" + std::string(request) +
                              R"(},"limits":{"cpu":"1",)" + std::string(limit) + "}}");
  };
  EXPECT_THAT(with(R"("example.com/gpu":"1")", R"("example.com/gpu":"1")"), IsEmpty());
  EXPECT_THAT(with(R"("example.com/gpu":"1")", R"("example.com/gpu":"2")"),
              ElementsAre("spec.containers[0].resources.requests: Invalid value: \"1\": must be equal to "
                          "example.com/gpu limit of 2"));
  EXPECT_THAT(with(R"("hugepages-2Mi":"2Mi")", R"("hugepages-2Mi":"4Mi")"),
              ElementsAre(HasSubstr("must be equal to hugepages-2Mi limit of 4Mi")));
  EXPECT_THAT(container_problems(R"("resources":{"limits":{"requests.a/b":"1"},"requests":{}})"),
              ::testing::Contains(HasSubstr("limits[requests.a/b]: Invalid value: \"requests.a/b\": doesn't follow "
                                            "extended resource name standard")));
}

TEST(Containers, DevicesAndMountsAreAtPathsOfTheirOwn) {
  constexpr std::string_view kVolume = R"("volumes":[{"name":"v","persistentVolumeClaim":{"claimName":"c"}}],)";
  EXPECT_THAT(container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a"}],
                                    "volumeDevices":[{"name":"v","devicePath":"/b"}])",
                                 kVolume),
              IsEmpty());
  EXPECT_THAT(container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a"}],
                                    "volumeDevices":[{"name":"v","devicePath":"/a"}])",
                                 kVolume),
              ElementsAre("spec.containers[0].volumeMounts[0].mountPath: Invalid value: \"/a\": must not already exist "
                          "as a path in volumeDevices"));
  EXPECT_THAT(container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/c"}],"volumeDevices":[
                                    {"name":"v","devicePath":"/a"},{"name":"w","devicePath":"/a"}])",
                                 kVolume),
              ElementsAre("spec.containers[0].volumeDevices[1].devicePath: Invalid value: \"/a\": must be unique",
                          "spec.containers[0].volumeDevices[1].name: Not found: \"w\""));
  EXPECT_THAT(container_problems(
                  R"("volumeMounts":[{"name":"v","mountPath":"/a","subPath":"a","subPathExpr":"$(B)/b"}])", kVolume),
              ElementsAre(HasSubstr("subPathExpr: Invalid value: \"$(B)/b\": subPathExpr and subPath are mutually")));
  EXPECT_THAT(
      container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a","subPathExpr":"../$(B)/b"}])", kVolume),
      ElementsAre(HasSubstr("subPathExpr: Invalid value: \"../$(B)/b\": must not contain '..'")));
  EXPECT_THAT(
      container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a","recursiveReadOnly":"Enabled"}])", kVolume),
      ElementsAre(HasSubstr("recursiveReadOnly: Forbidden: may only be specified when readOnly is true")));
}

TEST(Containers, GainNoPrivilegesOnlyWithoutOnesThatTheyHave) {
  EXPECT_THAT(container_problems(
                  R"("securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"add":["CAP_SYS_ADMIN"]}})"),
              ElementsAre(HasSubstr("cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS")));
  EXPECT_THAT(container_problems(R"("securityContext":{"allowPrivilegeEscalation":true,"privileged":true})"),
              IsEmpty());
  EXPECT_THAT(container_problems(R"("securityContext":{"privileged":true},"volumeMounts":[
                                    {"name":"v","mountPath":"/a","mountPropagation":"Bidirectional"}])",
                                 R"("volumes":[{"name":"v"}],)"),
              IsEmpty());
}

TEST(Containers, SleepNoLongerThanTheyMayTakeToEnd) {
  const auto sleep = [](int seconds) {
    return container_problems(R"("lifecycle":{"preStop":{"sleep":{"seconds":)" + std::to_string(seconds) + "}}}");
  };
  EXPECT_THAT(sleep(0), IsEmpty());
  EXPECT_THAT(sleep(30), IsEmpty());
  EXPECT_THAT(sleep(-1), ElementsAre("spec.containers[0].lifecycle.preStop.sleep: Invalid value: -1: must be "
                                     "non-negative and less than terminationGracePeriodSeconds (30)"));
}

}  // namespace
}  // namespace gantry::kinds::parts_pod_container_rules_test
