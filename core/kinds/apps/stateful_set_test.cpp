// StatefulSets: defaults, rules, what may change, table.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::apps_stateful_set_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::string_view kSet = R"({"metadata":{"name":"s","namespace":"default"},"spec":{"serviceName":"db",
  "selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c",
  "image":"i:1"}]}}}})";
constexpr std::string_view kClaims = R"("volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{
  "accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}])";

const Kind& sets() { return kind("apps", "StatefulSet"); }
Json stateful_set(std::string_view patch) { return made(sets(), kSet, patch); }
Problems of_new(std::string_view spec) {
  return lines(validate(sets(), stateful_set(R"({"spec":{)" + std::string(spec) + "}}")));
}
Problems of_update(std::string_view next, std::string_view before = "{}") {
  const Json old = stateful_set(before);
  return lines(validate(sets(), stateful_set(next), &old));
}

TEST(StatefulSet, Defaults) {
  EXPECT_EQ(
      schema::encode_json(*sets().message, stateful_set(R"({"spec":{)" + std::string(kClaims) + "}}")),
      R"({"metadata":{"name":"s","namespace":"default"},"spec":{"replicas":1,"selector":{"matchLabels":{"a":"b"}},)"
      R"("template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i:1","resources":{},)"
      R"("terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent","terminationMessagePolicy":"File"}],)"
      R"("restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","securityContext":{},)"
      R"("schedulerName":"default-scheduler"}},"volumeClaimTemplates":[{"kind":"PersistentVolumeClaim","apiVersion":"v1",)"
      R"("metadata":{"name":"data"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}},)"
      R"("volumeMode":"Filesystem"},"status":{"phase":"Pending"}}],"serviceName":"db","podManagementPolicy":"OrderedReady",)"
      R"("updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"partition":0,"maxUnavailable":1}},"revisionHistoryLimit":10,)"
      R"("persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Retain","whenScaled":"Retain"}},)"
      R"("status":{"replicas":0,"availableReplicas":0}})");
  EXPECT_EQ(stateful_set(R"({"spec":{"updateStrategy":{"type":"OnDelete"}}})").at("spec").at("updateStrategy"),
            parsed(R"({"type":"OnDelete"})"));
}

TEST(StatefulSet, ClaimsMaySayWhatTheyAre) {
  const std::string spec = R"({"spec":{"volumeClaimTemplates":[{"apiVersion":"v1","kind":"PersistentVolumeClaim",
      "metadata":{"name":"data"},"spec":{}}]}})";
  auto merged = schema::merge_patch(parsed(kSet), parsed(spec));
  std::vector<std::string> problems;
  schema::DecodeOptions options;
  options.problems = &problems;
  auto canonical = schema::canonicalize(*sets().message, *merged, options);
  ASSERT_TRUE(canonical.ok());
  EXPECT_THAT(problems, IsEmpty());
}

TEST(StatefulSet, HasATemplateThatItSelects) {
  EXPECT_THAT(of_new(""), IsEmpty());
  EXPECT_THAT(of_new(R"("selector":null)"), ElementsAre("spec.selector: Required value"));
  EXPECT_THAT(of_new(R"("selector":{"matchLabels":null})"),
              ElementsAre("spec.selector: Invalid value: {}: empty selector is invalid for statefulset"));
  EXPECT_THAT(of_new(R"("selector":{"matchLabels":{"a":"c"}})"),
              ElementsAre("spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match "
                          "template `labels`"));
  EXPECT_THAT(
      of_new(R"("template":{"spec":{"restartPolicy":"Never","activeDeadlineSeconds":5}})"),
      ElementsAre("spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
                  "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in StatefulSet is not "
                  "Supported"));
}

TEST(StatefulSet, NumbersAndWordsFit) {
  const struct {
    std::string_view spec, problem;
  } cases[] = {
      {R"("replicas":-1)", "spec.replicas: Invalid value: -1: must be greater than or equal to 0"},
      {R"("minReadySeconds":-1)", "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"},
      {R"("ordinals":{"start":-1})", "spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0"},
      {R"("serviceName":"A")", "spec.serviceName: Invalid value: \"A\": a lowercase RFC 1123 label must"},
      {R"("podManagementPolicy":"Random")",
       "spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'"},
      {R"("persistentVolumeClaimRetentionPolicy":{"whenScaled":"Burn"})",
       "spec.persistentVolumeClaimRetentionPolicy.whenScaled: Unsupported value: \"Burn\": supported values: "
       "\"Retain\", \"Delete\""},
      {R"("updateStrategy":{"type":"Recreate"})",
       "spec.updateStrategy: Invalid value: {\"type\":\"Recreate\"}: must be 'RollingUpdate' or 'OnDelete'"},
      {R"("updateStrategy":{"type":"OnDelete","rollingUpdate":{"partition":1}})",
       "spec.updateStrategy.rollingUpdate: Invalid value: {\"partition\":1}: only allowed for updateStrategy "
       "'RollingUpdate'"},
      {R"("updateStrategy":{"rollingUpdate":{"partition":-1}})",
       "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0"},
      {R"("updateStrategy":{"rollingUpdate":{"maxUnavailable":"0%"}})",
       "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: \"0%\": cannot be 0"},
      {R"("updateStrategy":{"rollingUpdate":{"maxUnavailable":"101%"}})",
       "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%"},
  };
  for (const auto& one : cases) {
    EXPECT_THAT(of_new(one.spec), ElementsAre(StartsWith(std::string(one.problem)))) << one.spec;
  }
  EXPECT_THAT(lines(validate(sets(), stateful_set(R"({"metadata":{"name":"a.b"}})"))),
              ElementsAre("metadata.name: Invalid value: \"a.b\": must not contain dots"));
}

TEST(StatefulSet, ClaimsAreVolumesOfItsPods) {
  constexpr std::string_view kMounted =
      R"("template":{"spec":{"containers":[{"name":"c","image":"i","volumeMounts":[{"name":"data","mountPath":"/d"}]}]}})";
  EXPECT_THAT(of_new(kMounted), ElementsAre(HasSubstr("volumeMounts[0].name: Not found: \"data\"")));
  EXPECT_THAT(of_new(std::string(kMounted) + "," + std::string(kClaims)), IsEmpty());
  EXPECT_THAT(
      of_new(R"("volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{"accessModes":["ReadWriteOnce"]}}])"),
      ElementsAre(StartsWith("spec.volumeClaimTemplates[0].spec.resources")));
}

TEST(StatefulSet, SomeOfItMayChange) {
  EXPECT_THAT(of_update(R"({"spec":{"replicas":3,"minReadySeconds":5,"ordinals":{"start":1},"revisionHistoryLimit":3,
      "updateStrategy":{"type":"OnDelete"},"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Delete"},
      "template":{"metadata":{"labels":{"c":"d"}}}}})"),
              IsEmpty());
  for (const std::string changed : {R"("serviceName":"other")", R"("podManagementPolicy":"Parallel")", ""}) {
    const std::string spec = changed.empty() ? std::string(kClaims) : changed;
    EXPECT_THAT(of_update(R"({"spec":{)" + spec + "}}"),
                ElementsAre("spec: Forbidden: updates to statefulset spec for fields other than 'replicas', "
                            "'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
                            "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"))
        << spec;
  }
  constexpr std::string_view kWrong =
      R"({"spec":{"template":{"spec":{"containers":[{"name":"c","image":"i","volumeMounts":[{"name":"x","mountPath":"/d"}]}]}}}})";
  EXPECT_THAT(of_update(kWrong, "{}").size(), 1U);
  EXPECT_THAT(of_update(R"({"spec":{"replicas":2,"template":{"spec":{"containers":[{"name":"c","image":"i",
      "volumeMounts":[{"name":"x","mountPath":"/d"}]}]}}}})",
                        kWrong),
              IsEmpty())
      << "it was wrong before";
}

TEST(StatefulSet, CountsOfAStatusFit) {
  const auto status = [](std::string_view now) {
    return of_update(R"({"status":)" + std::string(now) + "}", R"({"status":{"collisionCount":2}})");
  };
  EXPECT_THAT(status(R"({"replicas":2,"currentReplicas":1,"updatedReplicas":1,"readyReplicas":2,"availableReplicas":2,
                         "collisionCount":2})"),
              IsEmpty());
  EXPECT_THAT(status(R"({"replicas":1,"currentReplicas":2,"updatedReplicas":2,"readyReplicas":2,"availableReplicas":3,
                         "collisionCount":1})"),
              ElementsAre("status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
                          "status.currentReplicas: Invalid value: 2: cannot be greater than status.replicas",
                          "status.updatedReplicas: Invalid value: 2: cannot be greater than status.replicas",
                          "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
                          "status.availableReplicas: Invalid value: 3: cannot be greater than status.readyReplicas",
                          "status.collisionCount: Invalid value: 1: cannot be decremented"));
  EXPECT_THAT(status(R"({"currentReplicas":-1,"collisionCount":2})"),
              ElementsAre("status.currentReplicas: Invalid value: -1: must be greater than or equal to 0"));
}

TEST(StatefulSet, ATableShowsReadyPods) {
  EXPECT_EQ(table_row_json(sets(), stateful_set(R"({"spec":{"replicas":3},"status":{"readyReplicas":2}})"), "{}",
                           schema::IncludeObject::kNone, 0),
            R"({"cells":["s","2/3","\u003cunknown\u003e","c","i:1"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::apps_stateful_set_test
