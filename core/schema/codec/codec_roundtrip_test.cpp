// A large pod through all codecs: what goes in as JSON comes out of protobuf and YAML byte for byte, empty values and
// presence as upstream has them.
#include <boost/json/parse.hpp>

#include "core/schema/sample_pod.hpp"
#include "core/schema/schema_testing.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::schema {
namespace {

using testing::pod_kind;

Json sample() { return testing::document(pod_kind(), testing::kSamplePod); }
std::string json_of(const Json& document) { return encode_json(*pod_kind().message, document); }

TEST(RoundTrip, NothingOfTheSampleIsLostInJson) {
  std::vector<std::string> problems;
  DecodeOptions options;
  options.problems = &problems;
  auto pod = decode(*pod_kind().message, Media::kJson, testing::kSamplePod, options);
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  EXPECT_THAT(problems, ::testing::IsEmpty());
  auto again = decode(*pod_kind().message, Media::kJson, json_of(*pod));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(json_of(*again), json_of(*pod));
}

TEST(RoundTrip, ProtobufGivesTheSameJson) {
  Json pod = sample();
  auto bytes = encode_protobuf(*pod_kind().message, pod);
  ASSERT_TRUE(bytes.ok()) << bytes.error().message();
  auto again = decode(*pod_kind().message, Media::kProtobuf, wrap_protobuf("v1", "Pod", *bytes));
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(json_of(*again), json_of(pod));
  auto bytes_again = encode_protobuf(*pod_kind().message, *again);
  ASSERT_TRUE(bytes_again.ok());
  EXPECT_EQ(*bytes_again, *bytes);
}

TEST(RoundTrip, GeneratedCodeChangesNothing) {
  Json pod = sample();
  auto bytes = encode_protobuf(*pod_kind().message, pod);
  ASSERT_TRUE(bytes.ok());
  k8s::io::api::core::v1::Pod typed;
  ASSERT_TRUE(typed.ParseFromString(*bytes));
  EXPECT_TRUE(typed.unknown_fields().empty());
  auto again = decode(*pod_kind().message, Media::kProtobuf, wrap_protobuf("v1", "Pod", typed.SerializeAsString()));
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(json_of(*again), json_of(pod));
}

TEST(RoundTrip, YamlGivesTheSameJson) {
  Json pod = sample();
  auto again = decode(*pod_kind().message, Media::kYaml, to_yaml(pod));
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(json_of(*again), json_of(pod));
}

TEST(RoundTrip, DefaultsChangeNothingInWhatHasThem) {
  Json pod = sample(), defaulted = pod;
  EXPECT_TRUE(apply_defaults(pod_kind(), defaulted).ok());
  EXPECT_EQ(json_of(defaulted), json_of(pod));
}

// What upstream's types leave out when empty, and what they write all the same.
TEST(RoundTrip, OmittedAndKeptZeroes) {
  Json pod = testing::document(
      pod_kind(),
      R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","namespace":"","labels":{},"annotations":null,"generation":0,
    "deletionGracePeriodSeconds":0,"finalizers":[],"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"u","controller":false}]},
    "spec":{"containers":[{"name":"c","image":"","command":[],"args":[""],"env":[{"name":"A","value":""}],"resources":{},"stdin":false,
      "ports":[{"containerPort":0,"hostPort":0,"protocol":""}],"securityContext":{"privileged":false,"capabilities":{}},
      "volumeMounts":[{"name":"v","mountPath":"","readOnly":false,"subPath":""}],
      "livenessProbe":{"httpGet":{"port":0},"periodSeconds":0},"lifecycle":{"preStop":{"sleep":{"seconds":0}}}}],
      "terminationGracePeriodSeconds":0,"activeDeadlineSeconds":null,"hostNetwork":false,"automountServiceAccountToken":false,"nodeSelector":{},
      "volumes":[{"name":"v","emptyDir":{}},{"name":"s","secret":{"secretName":"x","optional":false}}],"tolerations":[{}],"priority":0,
      "securityContext":{},"affinity":{},"overhead":{}},
    "status":{"phase":"","conditions":[{"type":"Ready","status":"True"}],"startTime":null,
      "containerStatuses":[{"name":"c","ready":false,"restartCount":0,"image":"","imageID":""}]}})");
  constexpr std::string_view kWanted =
      R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","deletionGracePeriodSeconds":0,)"
      R"("ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n","uid":"u","controller":false}]},)"
      R"("spec":{"volumes":[{"name":"v","emptyDir":{}},{"name":"s","secret":{"secretName":"x","optional":false}}],)"
      R"("containers":[{"name":"c","args":[""],"ports":[{"containerPort":0}],"env":[{"name":"A"}],"resources":{},)"
      R"("volumeMounts":[{"name":"v","mountPath":""}],"livenessProbe":{"httpGet":{"port":0}},"lifecycle":{"preStop":{"sleep":{"seconds":0}}},)"
      R"("securityContext":{"capabilities":{},"privileged":false}}],"terminationGracePeriodSeconds":0,)"
      R"("automountServiceAccountToken":false,"securityContext":{},"affinity":{},"tolerations":[{}],"priority":0},)"
      R"("status":{"conditions":[{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":null}],)"
      R"("containerStatuses":[{"name":"c","state":{},"lastState":{},"ready":false,"restartCount":0,"image":"","imageID":""}]}})";
  // Compared as documents: the order of keys is tested with the codec.
  EXPECT_EQ(boost::json::parse(json_of(pod)), boost::json::parse(kWanted)) << json_of(pod);
  auto bytes = encode_protobuf(*pod_kind().message, pod);
  ASSERT_TRUE(bytes.ok());
  auto again = decode(*pod_kind().message, Media::kProtobuf, wrap_protobuf("v1", "Pod", *bytes));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(json_of(*again), json_of(pod));
}

}  // namespace
}  // namespace gantry::schema
