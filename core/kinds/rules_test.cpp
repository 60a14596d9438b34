// Validation against what users see from upstream: which field, which words; and that good objects pass.
#include "core/schema/patch.hpp"
#include "core/schema/sample_pod.hpp"
#include "core/schema/schema_testing.hpp"

namespace gantry::schema {
namespace {

using testing::document;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kind;
using ::testing::SizeIs;
using Problems = std::vector<std::string>;

Json parsed(std::string_view json) {
  auto value = parse_json(json);
  EXPECT_TRUE(value.ok()) << json;
  return *value;
}

Json made(const Kind& what, std::string_view base, std::string_view patch) {
  auto merged = merge_patch(parsed(base), parsed(patch));
  EXPECT_TRUE(merged.ok());
  auto canonical = canonicalize(*what.message, *merged);
  EXPECT_TRUE(canonical.ok()) << (canonical ? "" : canonical.error().message());
  if (!canonical) return *std::move(merged);
  EXPECT_TRUE(apply_defaults(what, *canonical).ok());
  return *std::move(canonical);
}

Problems lines(std::vector<StatusCause> causes) {
  Problems out;
  for (const StatusCause& cause : causes) out.push_back(cause.field + ": " + cause.message);
  return out;
}

constexpr std::string_view kPod =
    R"({"metadata":{"name":"p","namespace":"default"},"spec":{"containers":[{"name":"c","image":"nginx"}]}})";
Json pod(std::string_view patch) { return made(testing::pod_kind(), kPod, patch); }
Problems pod_problems(std::string_view patch) { return lines(validate(testing::pod_kind(), pod(patch))); }
// A pod of one container with these fields.
Problems container_problems(std::string_view fields, std::string_view spec = "") {
  return pod_problems(R"({"spec":{)" + std::string(spec) + R"("containers":[{"name":"c","image":"nginx",)" +
                      std::string(fields) + "}]}}");
}
Problems pod_update(std::string_view before, std::string_view after) {
  Json old = pod(before), next = pod(after);
  return lines(validate(testing::pod_kind(), next, &old));
}

constexpr std::string_view kDeployment = R"({"metadata":{"name":"d","namespace":"default"},"spec":{
  "selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})";
Json deployment(std::string_view patch) { return made(testing::deployment_kind(), kDeployment, patch); }
Problems deployment_problems(std::string_view patch) {
  return lines(validate(testing::deployment_kind(), deployment(patch)));
}

constexpr std::string_view kSubdomainRule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

TEST(Validation, GoodObjectsPass) {
  EXPECT_THAT(pod_problems("{}"), IsEmpty());
  EXPECT_THAT(deployment_problems("{}"), IsEmpty());
  Json sample = made(testing::pod_kind(), testing::kSamplePod, "{}");
  EXPECT_THAT(lines(validate(testing::pod_kind(), sample)), IsEmpty());
  EXPECT_THAT(lines(validate(testing::pod_kind(), sample, &sample)), IsEmpty());
}

TEST(Validation, TheStatusNamesKindAndCauses) {
  Status one = invalid_status(testing::pod_kind(), "x",
                              validate(testing::pod_kind(), pod(R"({"spec":{"containers":[{"image":"i"}]}})")));
  EXPECT_EQ(one.code(), 422);
  EXPECT_EQ(one.reason(), "Invalid");
  EXPECT_EQ(one.message(), R"(Pod "x" is invalid: spec.containers[0].name: Required value)");
  ASSERT_TRUE(one.details().has_value());
  EXPECT_EQ(one.details()->kind, "Pod");
  EXPECT_EQ(one.details()->name, "x");
  ASSERT_EQ(one.details()->causes.size(), 1u);
  EXPECT_EQ(one.details()->causes[0].reason, "FieldValueRequired");
  EXPECT_EQ(one.details()->causes[0].field, "spec.containers[0].name");
  EXPECT_EQ(one.details()->causes[0].message, "Required value");
  Status two = invalid_status(testing::deployment_kind(), "d",
                              {{"FieldValueRequired", "Required value", "a"},
                               {"FieldValueRequired", "Required value", "a"},
                               {"FieldValueForbidden", "Forbidden: no", "b"}});
  EXPECT_EQ(two.message(), R"(Deployment.apps "d" is invalid: [a: Required value, b: Forbidden: no])");
  EXPECT_EQ(two.details()->group, "apps");
}

TEST(Validation, MetadataOnCreate) {
  EXPECT_THAT(pod_problems(R"({"metadata":{"name":"Bad_Name"}})"),
              ElementsAre("metadata.name: Invalid value: \"Bad_Name\": " + std::string(kSubdomainRule)));
  EXPECT_THAT(pod_problems(R"({"metadata":{"name":null}})"),
              ElementsAre("metadata.name: Required value: name or generateName is required"));
  EXPECT_THAT(pod_problems(R"({"metadata":{"name":null,"generateName":"web-"}})"), IsEmpty());
  EXPECT_THAT(pod_problems(R"({"metadata":{"name":"ok","generateName":"Web-"}})"),
              ElementsAre(HasSubstr("metadata.generateName: Invalid value: \"Web-\": ")));
  EXPECT_THAT(pod_problems(R"({"metadata":{"labels":{"-a":"b"}}})"),
              ElementsAre(HasSubstr("metadata.labels: Invalid value: \"-a\": name part must consist of")));
  EXPECT_THAT(
      pod_problems(R"({"metadata":{"labels":{"a":"b c"}}})"),
      ElementsAre(HasSubstr("metadata.labels: Invalid value: \"b c\": a valid label must be an empty string or")));
  EXPECT_THAT(pod_problems(R"({"metadata":{"annotations":{"A/B":"any text"}}})"), IsEmpty()) << "case does not matter";
  EXPECT_THAT(pod_problems(R"({"metadata":{"annotations":{"a":")" + std::string(256 * 1024, 'x') + R"("}}})"),
              ElementsAre("metadata.annotations: Too long: may not be more than 262144 bytes"));
  EXPECT_THAT(pod_problems(R"({"metadata":{"finalizers":["nodomain"]}})"),
              ElementsAre(HasSubstr("name is neither a standard finalizer name nor is it fully qualified")));
  EXPECT_THAT(pod_problems(R"({"metadata":{"finalizers":["orphan","foregroundDeletion"]}})"),
              ElementsAre(HasSubstr("finalizer orphan and foregroundDeletion cannot be both set")));
}

TEST(Validation, Owners) {
  EXPECT_THAT(pod_problems(R"({"metadata":{"ownerReferences":[{"apiVersion":"","kind":"","name":"","uid":""}]}})"),
              ElementsAre("metadata.ownerReferences.apiVersion: Invalid value: \"\": version must not be empty",
                          "metadata.ownerReferences.kind: Invalid value: \"\": must not be empty",
                          "metadata.ownerReferences.name: Invalid value: \"\": must not be empty",
                          "metadata.ownerReferences.uid: Invalid value: \"\": must not be empty"));
  EXPECT_THAT(pod_problems(R"({"metadata":{"ownerReferences":[
      {"apiVersion":"apps/v1","kind":"ReplicaSet","name":"a","uid":"1","controller":true},
      {"apiVersion":"apps/v1","kind":"ReplicaSet","name":"b","uid":"2","controller":true}]}})"),
              ElementsAre(HasSubstr("Only one reference can have Controller set to true. Found \"true\" in references "
                                    "for ReplicaSet/a and ReplicaSet/b")));
}

TEST(Validation, MetadataOnUpdate) {
  EXPECT_THAT(pod_update("{}", R"({"metadata":{"name":"q"}})"),
              ElementsAre("metadata.name: Invalid value: \"q\": field is immutable"));
  EXPECT_THAT(pod_update(R"({"metadata":{"uid":"1"}})", R"({"metadata":{"uid":"2"}})"),
              ElementsAre("metadata.uid: Invalid value: \"2\": field is immutable"));
  EXPECT_THAT(pod_update("{}", R"({"metadata":{"labels":{"x":"y"}}})"), IsEmpty());
  EXPECT_THAT(pod_update(R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}})",
                         R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":["a/b"]}})"),
              ElementsAre("metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
                          "deleted, found new finalizers []string{\"a/b\"}"));
}

TEST(Validation, ContainersAreNamedOnceOverAllLists) {
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

TEST(Validation, Ports) {
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

TEST(Validation, Environment) {
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

TEST(Validation, Resources) {
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

TEST(Validation, Probes) {
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

TEST(Validation, MountsAndVolumes) {
  EXPECT_THAT(container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a"}])"),
              ElementsAre("spec.containers[0].volumeMounts[0].name: Not found: \"v\""));
  constexpr std::string_view kVolume = R"("volumes":[{"name":"v"}],)";
  EXPECT_THAT(
      container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a"},{"name":"v","mountPath":"/a"}])", kVolume),
      ElementsAre("spec.containers[0].volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique"));
  EXPECT_THAT(
      container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a","subPath":"../b"}])", kVolume),
      ElementsAre("spec.containers[0].volumeMounts[0].subPath: Invalid value: \"../b\": must not contain '..'"));
  EXPECT_THAT(container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a","subPath":"/b"}])", kVolume),
              ElementsAre(HasSubstr("must be a relative path")));
  EXPECT_THAT(container_problems(R"("volumeMounts":[{"name":"v","mountPath":"/a","mountPropagation":"Bidirectional"}])",
                                 kVolume),
              ElementsAre(HasSubstr("Bidirectional mount propagation is available only to privileged containers")));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v"},{"name":"v"}]}})"),
              ElementsAre("spec.volumes[1].name: Duplicate value: \"v\""));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v","emptyDir":{},"hostPath":{"path":"/"}}]}})"),
              ElementsAre("spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v","secret":{}}]}})"),
              ElementsAre("spec.volumes[0].secret.secretName: Required value"));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v","configMap":{"name":"c","defaultMode":512}}]}})"),
              ElementsAre("spec.volumes[0].configMap.defaultMode: Invalid value: 512: must be a number between 0 and "
                          "0777 (octal), both inclusive"));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v","hostPath":{"path":"/a/../b","type":"Dir"}}]}})"),
              ElementsAre(HasSubstr("hostPath.type: Unsupported value: \"Dir\""), HasSubstr("must not contain '..'")));
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"volumes":[{"name":"v","projected":{"sources":[{"secret":{"name":"a","items":[{"key":"k","path":"p"}]}},
      {"configMap":{"name":"a","items":[{"key":"k","path":"p"}]}}]}}]}})"),
      ElementsAre(HasSubstr("conflicting duplicate paths")));
}

TEST(Validation, FilesOfVolumes) {
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"volumes":[{"name":"v","configMap":{"name":"c","items":[{"key":"odd key/","path":"a/b"}]}}]}})"),
      IsEmpty());
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"volumes":[{"name":"v","configMap":{"name":"c","items":[{"key":"k","path":"..data"}]}}]}})"),
      ElementsAre("spec.volumes[0].configMap.items[0].path: Invalid value: \"..data\": must not start with '..'"));
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"volumes":[{"name":"v","secret":{"secretName":"s","items":[{"key":"k","path":"../x"}]}}]}})"),
      ElementsAre("spec.volumes[0].secret.items[0].path: Invalid value: \"../x\": must not contain '..'"));
  EXPECT_THAT(pod_problems(R"({"spec":{"volumes":[{"name":"v","downwardAPI":{"items":[{"path":"p"}]}}]}})"),
              ElementsAre("spec.volumes[0].downwardAPI.items[0].fieldRef: Required value: one of fieldRef and "
                          "resourceFieldRef is required"));
}

TEST(Validation, SecurityAndProfiles) {
  EXPECT_THAT(container_problems(R"("securityContext":{"privileged":true,"allowPrivilegeEscalation":false})"),
              ElementsAre(HasSubstr("cannot set `allowPrivilegeEscalation` to false and `privileged` to true")));
  EXPECT_THAT(container_problems(R"("securityContext":{"seccompProfile":{"type":"Localhost"}})"),
              ElementsAre("spec.containers[0].securityContext.seccompProfile.localhostProfile: Required value: must be "
                          "set when seccomp type is Localhost"));
  EXPECT_THAT(container_problems(R"("securityContext":{"runAsUser":-1})"),
              ElementsAre(HasSubstr("securityContext.runAsUser: Invalid value: -1: must be between 0 and ")));
  EXPECT_THAT(pod_problems(R"({"spec":{"hostPID":true,"shareProcessNamespace":true}})"),
              ElementsAre("spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and "
                          "HostPID cannot both be enabled"));
}

TEST(Validation, PlacementAndTheRestOfTheSpec) {
  EXPECT_THAT(pod_problems(R"({"spec":{"restartPolicy":"Sometimes"}})"),
              ElementsAre("spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", "
                          "\"OnFailure\", \"Never\""));
  EXPECT_THAT(pod_problems(R"({"spec":{"activeDeadlineSeconds":0}})"),
              ElementsAre("spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"));
  EXPECT_THAT(pod_problems(R"({"spec":{"dnsPolicy":"None"}})"),
              ElementsAre("spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"));
  EXPECT_THAT(pod_problems(R"({"spec":{"tolerations":[{"operator":"Equal"}]}})"),
              ElementsAre(HasSubstr("operator must be Exists when `key` is empty")));
  EXPECT_THAT(pod_problems(R"({"spec":{"tolerations":[{"key":"a","effect":"NoSchedule","tolerationSeconds":1}]}})"),
              ElementsAre("spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when "
                          "`tolerationSeconds` is set"));
  EXPECT_THAT(pod_problems(R"({"spec":{"nodeSelector":{"a b":"c"}}})"),
              ElementsAre(HasSubstr("spec.nodeSelector: Invalid value: \"a b\"")));
  EXPECT_THAT(pod_problems(R"({"spec":{"hostAliases":[{"ip":"1.2.3"}]}})"),
              ElementsAre("spec.hostAliases[0].ip: Invalid value: \"1.2.3\": must be a valid IP address, (e.g. "
                          "10.9.8.7 or 2001:db8::ffff)"));
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"topologySpreadConstraints":[{"maxSkew":0,"topologyKey":"z","whenUnsatisfiable":"DoNotSchedule"}]}})"),
      ElementsAre("spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero"));
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[
      {"matchExpressions":[{"key":"a","operator":"In"}]}]}}}}})"),
      ElementsAre(HasSubstr(
          "matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'")));
  EXPECT_THAT(
      pod_problems(
          R"({"spec":{"affinity":{"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"labelSelector":{}}]}}}})"),
      ElementsAre("spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required "
                  "value: can not be empty"));
  EXPECT_THAT(pod_problems(R"({"spec":{"ephemeralContainers":[{"name":"e","image":"i"}]}})"),
              ElementsAre("spec.ephemeralContainers: Forbidden: cannot be set on create"));
}

TEST(Validation, ManyProblemsAreAllNamed) {
  EXPECT_EQ(pod_problems(
                R"({"metadata":{"name":"X"},"spec":{"restartPolicy":"No","containers":[{"name":"a"},{"image":"i"}]}})")
                .size(),
            4u);
}

TEST(PodUpdate, OnlySomeFieldsMayChange) {
  EXPECT_THAT(pod_update("{}", R"({"spec":{"containers":[{"name":"c","image":"nginx","command":["x"]}]}})"),
              ElementsAre(HasSubstr(
                  "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
                  "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
                  "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was "
                  "previously negative)\n")));
  // The pull policy was defaulted on create and stays.
  EXPECT_THAT(pod_update(R"({"spec":{"containers":[{"name":"c","image":"nginx:1","imagePullPolicy":"Never"}]}})",
                         R"({"spec":{"containers":[{"name":"c","image":"nginx:2","imagePullPolicy":"Never"}]}})"),
              IsEmpty());
  EXPECT_THAT(pod_update("{}", R"({"spec":{"containers":[{"name":"c","image":"nginx"},{"name":"d","image":"i"}]}})"),
              ElementsAre("spec.containers: Forbidden: pod updates may not add or remove containers"));
  EXPECT_THAT(pod_update("{}", R"({"spec":{"nodeName":"n"}})"),
              ElementsAre(HasSubstr("pod updates may not change fields")));
  EXPECT_THAT(
      pod_update(R"({"spec":{"terminationGracePeriodSeconds":-3}})", R"({"spec":{"terminationGracePeriodSeconds":1}})"),
      IsEmpty());
  EXPECT_THAT(pod_update("{}", R"({"spec":{"terminationGracePeriodSeconds":1}})").size(), 1u);
}

TEST(PodUpdate, DeadlinesShrinkAndTolerationsGrow) {
  EXPECT_THAT(pod_update("{}", R"({"spec":{"activeDeadlineSeconds":10}})"), IsEmpty());
  EXPECT_THAT(pod_update(R"({"spec":{"activeDeadlineSeconds":10}})", R"({"spec":{"activeDeadlineSeconds":9}})"),
              IsEmpty());
  EXPECT_THAT(
      pod_update(R"({"spec":{"activeDeadlineSeconds":10}})", R"({"spec":{"activeDeadlineSeconds":11}})"),
      ElementsAre("spec.activeDeadlineSeconds: Invalid value: 11: must be less than or equal to previous value"));
  EXPECT_THAT(
      pod_update(R"({"spec":{"activeDeadlineSeconds":10}})", "{}"),
      ElementsAre(
          "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"));
  constexpr std::string_view kOne =
      R"({"spec":{"tolerations":[{"key":"a","operator":"Exists","effect":"NoExecute"}]}})";
  EXPECT_THAT(pod_update("{}", kOne), IsEmpty());
  EXPECT_THAT(
      pod_update(
          kOne,
          R"({"spec":{"tolerations":[{"key":"a","operator":"Exists","effect":"NoExecute","tolerationSeconds":5}]}})"),
      IsEmpty());
  EXPECT_THAT(
      pod_update(kOne, "{}"),
      ElementsAre("spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"));
}

TEST(PodUpdate, GatesGoAndNeverCome) {
  constexpr std::string_view kGated = R"({"spec":{"schedulingGates":[{"name":"a/b"}]}})";
  EXPECT_THAT(pod_update(kGated, "{}"), IsEmpty());
  EXPECT_THAT(pod_update(kGated, R"({"spec":{"schedulingGates":[{"name":"a/b"}],"nodeSelector":{"x":"y"}}})"),
              IsEmpty());
  EXPECT_THAT(
      pod_update("{}", kGated),
      ElementsAre(
          "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'a/b'"));
}

TEST(PodUpdate, TheStatusIsJudgedByItself) {
  EXPECT_THAT(pod_update("{}", R"({"status":{"phase":"Running","podIPs":[{"ip":"10.0.0.1"}]}})"), IsEmpty());
  EXPECT_THAT(pod_update("{}", R"({"status":{"podIPs":[{"ip":"10.0.0"}]}})"),
              ElementsAre(HasSubstr("status.podIPs[0]: Invalid value: \"10.0.0\"")));
  // An old object that newer rules would refuse can still get a status.
  Json old = pod(R"({"spec":{"restartPolicy":"Odd"}})"), next = old;
  next.as_object()["status"] = parsed(R"({"phase":"Failed"})");
  EXPECT_THAT(lines(validate(testing::pod_kind(), next, &old)), IsEmpty());
  constexpr std::string_view kDone =
      R"({"spec":{"restartPolicy":"Never"},"status":{"containerStatuses":[{"name":"c","state":{"terminated":{"exitCode":1}}}]}})";
  constexpr std::string_view kBack =
      R"({"spec":{"restartPolicy":"Never"},"status":{"containerStatuses":[{"name":"c","state":{"running":{}}}]}})";
  EXPECT_THAT(
      pod_update(kDone, kBack),
      ElementsAre("status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"));
  EXPECT_THAT(pod_update(kBack, kDone), IsEmpty());
}

TEST(PodUpdate, TheStatusHasAddresses) {
  constexpr std::string_view kGood =
      R"({"status":{"podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}],"hostIP":"1.1.1.1","hostIPs":[{"ip":"1.1.1.1"}]}})";
  EXPECT_THAT(pod_update("{}", kGood), IsEmpty());
  EXPECT_THAT(pod_update("{}", R"({"status":{"podIP":"nope"}})"),
              ElementsAre(HasSubstr("status.podIPs[0]: Invalid value: \"nope\": must be a valid IP address")));
  EXPECT_THAT(pod_update("{}", R"({"status":{"podIP":"nope","podIPs":[{"ip":"10.0.0.1"}]}})"),
              ElementsAre(HasSubstr("status.podIPs[0]: Invalid value: \"nope\"")));
  EXPECT_THAT(pod_update("{}", R"({"status":{"podIPs":[{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}]}})"),
              ElementsAre(HasSubstr("may specify no more than one IP for each IP family")));
  EXPECT_THAT(pod_update("{}", R"({"status":{"hostIP":"1.1.1.1","hostIPs":[{"ip":"nope"}]}})"),
              ElementsAre("status.hostIPs[0].ip: Invalid value: \"nope\": must be equal to `hostIP`",
                          HasSubstr("status.hostIPs[0]: Invalid value: \"nope\"")));
  // What was there may stay; what comes may not.
  constexpr std::string_view kOld = R"({"status":{"podIP":"nope"}})";
  EXPECT_THAT(pod_update(kOld, R"({"status":{"podIP":"nope","phase":"Running"}})"), IsEmpty());
  EXPECT_THAT(pod_update(kOld, R"({"status":{"podIP":"none","phase":"Running"}})"),
              ElementsAre(HasSubstr("status.podIPs[0]: Invalid value: \"none\"")));
}

TEST(Validation, Deployments) {
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

TEST(Validation, TheSelectorOfAWorkloadStays) {
  Json old = deployment("{}");
  Json next =
      deployment(R"({"spec":{"selector":{"matchLabels":{"x":"y"}},"template":{"metadata":{"labels":{"x":"y"}}}}})");
  EXPECT_THAT(
      lines(validate(testing::deployment_kind(), next, &old)),
      ElementsAre("spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\",\"x\":\"y\"}}: field is immutable"));
  Json scaled = deployment(R"({"spec":{"replicas":5}})");
  EXPECT_THAT(lines(validate(testing::deployment_kind(), scaled, &old)), IsEmpty());
}

Problems small(std::string_view what, std::string_view json, std::string_view old_json = "") {
  const Kind& of = kind("", what);
  Json next = made(of, json, "{}");
  if (old_json.empty()) return lines(validate(of, next));
  Json old = made(of, old_json, "{}");
  return lines(validate(of, next, &old));
}

TEST(Validation, ConfigMaps) {
  EXPECT_THAT(small("ConfigMap", R"({"metadata":{"name":"c"},"data":{"a.b":"c"},"binaryData":{"d":"AAAA"}})"),
              IsEmpty());
  EXPECT_THAT(small("ConfigMap", R"({"metadata":{"name":"c"},"data":{"a/b":"c"}})"),
              ElementsAre(HasSubstr("data[a/b]: Invalid value: \"a/b\": a valid config key must consist of")));
  EXPECT_THAT(small("ConfigMap", R"({"metadata":{"name":"c"},"data":{"a":"c"},"binaryData":{"a":"AAAA"}})"),
              ElementsAre("data[a]: Invalid value: \"a\": duplicate of key present in binaryData"));
  EXPECT_THAT(
      small("ConfigMap", R"({"metadata":{"name":"c"},"data":{"a":")" + std::string(1024 * 1024 + 1, 'x') + R"("}})"),
      ElementsAre("[]: Too long: may not be more than 1048576 bytes"));
  EXPECT_THAT(small("ConfigMap", R"({"metadata":{"name":"c"},"data":{"a":"2"}})",
                    R"({"metadata":{"name":"c"},"immutable":true,"data":{"a":"1"}})"),
              ElementsAre("immutable: Forbidden: field is immutable when `immutable` is set",
                          "data: Forbidden: field is immutable when `immutable` is set"));
}

TEST(Validation, Secrets) {
  EXPECT_THAT(small("Secret", R"({"metadata":{"name":"s"},"stringData":{"a":"b"}})"), IsEmpty());
  EXPECT_THAT(small("Secret", R"({"metadata":{"name":"s"},"type":"kubernetes.io/tls"})"),
              ElementsAre("data[tls.crt]: Required value", "data[tls.key]: Required value"));
  EXPECT_THAT(
      small(
          "Secret",
          R"({"metadata":{"name":"s"},"type":"kubernetes.io/dockerconfigjson","stringData":{".dockerconfigjson":"{"}})")
          .size(),
      1u);
  EXPECT_THAT(
      small(
          "Secret",
          R"({"metadata":{"name":"s"},"type":"kubernetes.io/dockerconfigjson","stringData":{".dockerconfigjson":"{}"}})"),
      IsEmpty());
  EXPECT_THAT(small("Secret", R"({"metadata":{"name":"s"},"type":"x"})", R"({"metadata":{"name":"s"},"type":"y"})"),
              ElementsAre("type: Invalid value: \"x\": field is immutable"));
}

TEST(Validation, Events) {
  EXPECT_THAT(
      small("Event", R"({"metadata":{"name":"e","namespace":"default"},"involvedObject":{"kind":"Node","name":"n"}})"),
      IsEmpty());
  EXPECT_THAT(
      small("Event",
            R"({"metadata":{"name":"e","namespace":"a"},"involvedObject":{"kind":"Pod","name":"p","namespace":"b"}})"),
      ElementsAre("involvedObject.namespace: Invalid value: \"b\": does not match event.namespace"));
  const Kind& event = kind("events.k8s.io", "Event");
  constexpr std::string_view kGood =
      R"({"metadata":{"name":"e","namespace":"a"},"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"x/y",
    "reportingInstance":"i","action":"Run","reason":"Ran","type":"Normal","regarding":{"kind":"Pod","namespace":"a","name":"p"}})";
  EXPECT_THAT(lines(validate(event, made(event, kGood, "{}"))), IsEmpty());
  EXPECT_THAT(lines(validate(event, made(event, kGood, R"({"reason":null,"type":"Odd","eventTime":null})"))),
              ElementsAre("eventTime: Required value", "reason: Required value",
                          "type: Unsupported value: \"Odd\": supported values: \"Normal\", \"Warning\""));
  EXPECT_THAT(lines(validate(event, made(event, kGood, R"({"note":")" + std::string(1025, 'x') + R"("})"))),
              ElementsAre("message: Invalid value: \"\": can have at most 1024 characters"));
}

TEST(Validation, EventsOfTheNewerApiAreNewAndStay) {
  const Kind& event = kind("events.k8s.io", "Event");
  constexpr std::string_view kGood =
      R"({"metadata":{"name":"e","namespace":"a"},"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"x/y",
    "reportingInstance":"i","action":"Run","reason":"Ran","type":"Normal","regarding":{"kind":"Pod","namespace":"a","name":"p"}})";
  const auto old = made(event, kGood, "{}");
  EXPECT_THAT(lines(validate(event, made(event, kGood, R"({"deprecatedCount":1,"deprecatedSource":{"host":"h"},
                                                          "deprecatedFirstTimestamp":"2026-01-01T00:00:00Z"})"))),
              ElementsAre("source: Invalid value: \"\": needs to be unset",
                          "firstTimestamp: Invalid value: \"\": needs to be unset",
                          "count: Invalid value: \"\": needs to be unset"));
  constexpr std::string_view kShort = R"({"series":{"count":1}})";
  const std::vector<std::string> bad = {"series.count: Invalid value: \"\": should be at least 2",
                                        "series.lastObservedTime: Required value"};
  EXPECT_THAT(lines(validate(event, made(event, kGood, kShort))), ElementsAreArray(bad));
  EXPECT_THAT(lines(validate(event, made(event, kGood, kShort), &old)), ElementsAreArray(bad));
  const auto before = made(event, kGood, kShort);
  EXPECT_THAT(lines(validate(event, made(event, kGood, kShort), &before)), IsEmpty());
  EXPECT_THAT(lines(validate(event, made(event, kGood, R"({"series":{"count":2,
                                         "lastObservedTime":"2026-01-01T00:01:00.000000Z"}})"),
                             &old)),
              IsEmpty());
  EXPECT_THAT(
      lines(validate(event, made(event, kGood, R"({"note":"other","action":"Go","metadata":{"labels":{"a":"b"}}})"),
                     &old)),
      ElementsAre("message: Invalid value: \"other\": field is immutable",
                  "action: Invalid value: \"Go\": field is immutable"));
}

TEST(Validation, EventsOfTheOlderApiThatSayWhenInTheNewerWay) {
  const std::string head = R"({"metadata":{"name":"e","namespace":"a"},"involvedObject":{"namespace":"a"})";
  EXPECT_THAT(small("Event", head + "}"), IsEmpty());
  EXPECT_THAT(small("Event", head + R"(,"eventTime":"2026-01-01T00:00:00.000000Z"})"),
              ElementsAre("reportingComponent: Required value", "reportingInstance: Required value",
                          "action: Required value", "reason: Required value"));
  EXPECT_THAT(small("Event", head + R"(,"eventTime":"2026-01-01T00:00:00.000000Z","reportingComponent":"c",
                               "reportingInstance":"i","action":"a","reason":"r","message":")" +
                                 std::string(1025, 'x') + "\"}"),
              ElementsAre("message: Invalid value: \"\": can have at most 1024 characters"));
}

TEST(Validation, NodesNamespacesAndLeases) {
  EXPECT_THAT(small("Node", R"({"metadata":{"name":"n"},"spec":{"taints":[{"key":"a","effect":"No"}]}})"),
              ElementsAre("spec.taints[0].effect: Unsupported value: \"No\": supported values: \"NoSchedule\", "
                          "\"PreferNoSchedule\", \"NoExecute\""));
  EXPECT_THAT(
      small(
          "Node",
          R"({"metadata":{"name":"n"},"spec":{"taints":[{"key":"a","effect":"NoExecute"},{"key":"a","effect":"NoExecute"}]}})")
          .size(),
      1u);
  EXPECT_THAT(small("Node", R"({"metadata":{"name":"n"},"spec":{"podCIDR":"10.0.0.0/24","podCIDRs":["10.0.0.0/24"]}})",
                    R"({"metadata":{"name":"n"}})"),
              IsEmpty());
  EXPECT_THAT(small("Node", R"({"metadata":{"name":"n"},"spec":{"podCIDRs":["10.0.1.0/24"]}})",
                    R"({"metadata":{"name":"n"},"spec":{"podCIDRs":["10.0.0.0/24"]}})")
                  .size(),
              1u);
  EXPECT_THAT(small("Namespace", R"({"metadata":{"name":"a.b"}})"),
              ElementsAre(HasSubstr("metadata.name: Invalid value: \"a.b\": must not contain dots")));
  const Kind& lease = kind("coordination.k8s.io", "Lease");
  EXPECT_THAT(
      lines(validate(
          lease,
          made(lease, R"({"metadata":{"name":"l"},"spec":{"leaseDurationSeconds":0,"leaseTransitions":-1}})", "{}"))),
      ElementsAre("spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
                  "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"));
}

std::string labels(size_t count) {
  std::string out = R"({"metadata":{"labels":{)";
  for (size_t i = 0; i < count; ++i) out += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "_\":\"v v\"";
  return out + "}}}";
}

TEST(Validation, CausesAreCounted) {
  const auto causes = validate(testing::pod_kind(), pod(labels(1000)));
  ASSERT_EQ(causes.size(), 101U);
  EXPECT_EQ(causes.back().message, "and 1900 more");
  EXPECT_EQ(causes.back().field, "");
  EXPECT_EQ(causes.back().reason, "");
  const Status status = invalid_status(testing::pod_kind(), "p", causes);
  EXPECT_THAT(status.message(), ::testing::EndsWith(", and 1900 more]"));
  EXPECT_LT(status.message().size(), 200'000U);
  EXPECT_EQ(validate(testing::pod_kind(), pod(labels(50))).size(), 100U);
}

TEST(Validation, CausesAreCut) {
  const std::string huge(100'000, 'x');
  const auto causes = validate(testing::kind("", "ConfigMap"), parsed(R"({"metadata":{"name":"a","labels":{"a":")" +
                                                                      huge + R"("}},"data":{"/)" + huge + R"(":""}})"));
  ASSERT_EQ(causes.size(), 3U);
  for (const StatusCause& cause : causes) {
    EXPECT_LT(cause.message.size(), 2000U);
    EXPECT_LT(cause.field.size(), 600U);
    EXPECT_THAT(cause.message, HasSubstr("xxx...\""));
  }
  EXPECT_THAT(causes.back().field, ::testing::EndsWith("xxx...]"));
}

// Each of these lists was once compared with another, element by element.
TEST(Validation, LongListsAreLookedUp) {
  constexpr size_t kMany = 20'000;
  const auto list = [&](auto&& item) {
    std::string out = "[";
    for (size_t i = 0; i < kMany; ++i) out += (i > 0 ? "," : "") + item(std::to_string(i));
    return out + "]";
  };
  const std::string tolerations =
      list([](const std::string& i) { return R"({"key":"k)" + i + R"(","operator":"Exists"})"; });
  const std::string gates = list([](const std::string& i) { return R"({"name":"g)" + i + R"("})"; });
  const std::string spec = R"({"spec":{"tolerations":)" + tolerations + R"(,"schedulingGates":)" + gates + "}}";
  EXPECT_THAT(pod_update(spec, spec), IsEmpty());
  EXPECT_THAT(pod_update(spec, R"({"metadata":{"labels":{"a":"b"}},"spec":{"tolerations":)" + tolerations + "}}"),
              IsEmpty());
  const std::string finalizers = list([](const std::string& i) { return "\"a.b/f" + i + "\""; });
  const std::string deleting = R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":)";
  EXPECT_THAT(pod_update(deleting + finalizers + "}}", deleting + R"(["a.b/f1"]}})"), IsEmpty());
  EXPECT_THAT(pod_update(deleting + R"(["a.b/f1"]}})", deleting + finalizers + "}}"), SizeIs(1));
  const std::string statuses =
      list([](const std::string& i) { return R"({"name":"c)" + i + R"(","state":{"terminated":{"exitCode":0}}})"; });
  const std::string ended = R"({"spec":{"restartPolicy":"Never"},"status":{"containerStatuses":)" + statuses + "}}";
  EXPECT_THAT(pod_update(ended, R"({"spec":{"restartPolicy":"Never"},"status":{"phase":"Failed","containerStatuses":)" +
                                    statuses + "}}"),
              IsEmpty());
}

TEST(Validation, TaintsAreTold) {
  const Kind& node = testing::kind("", "Node");
  const auto problems = [&](std::string_view taints) {
    return lines(validate(
        node, made(node, R"({"metadata":{"name":"n"}})", R"({"spec":{"taints":)" + std::string(taints) + "}}")));
  };
  EXPECT_THAT(problems(R"([{"key":"a","effect":"NoSchedule"},{"key":"a","effect":"NoExecute"}])"), IsEmpty());
  EXPECT_THAT(
      problems(
          R"([{"key":"a","effect":"NoSchedule"},{"key":"b","effect":"NoSchedule"},{"key":"a","effect":"NoSchedule"}])"),
      ElementsAre(HasSubstr("spec.taints[2]: Duplicate value: {\"effect\":\"NoSchedule\",\"key\":\"a\"}")));
}

TEST(Validation, ARestartedContainerIsTold) {
  const auto with = [](std::string_view policy, std::string_view own, std::string_view state) {
    return R"({"spec":{"restartPolicy":")" + std::string(policy) + R"(","containers":[{"name":"c","image":"nginx")" +
           std::string(own) + R"(}]},"status":{"containerStatuses":[{"name":"c","state":)" + std::string(state) +
           "}]}}";
  };
  constexpr std::string_view kEnded = R"({"terminated":{"exitCode":0}})", kFailed = R"({"terminated":{"exitCode":1}})";
  constexpr std::string_view kRunning = R"({"running":{}})", kOwn = R"(,"restartPolicy":"Always")";
  EXPECT_THAT(pod_update(with("Never", "", kFailed), with("Never", "", kRunning)), SizeIs(1));
  EXPECT_THAT(pod_update(with("OnFailure", "", kEnded), with("OnFailure", "", kRunning)), SizeIs(1));
  EXPECT_THAT(pod_update(with("OnFailure", "", kFailed), with("OnFailure", "", kRunning)), IsEmpty());
  EXPECT_THAT(pod_update(with("Never", kOwn, kFailed), with("Never", kOwn, kRunning)), IsEmpty());
  EXPECT_THAT(pod_update(with("Always", "", kFailed), with("Always", "", kRunning)), IsEmpty());
}

}  // namespace
}  // namespace gantry::schema
