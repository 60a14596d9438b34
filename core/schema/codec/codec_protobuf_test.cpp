// Protobuf in and out, checked against the SDK's generated messages.
#include "core/schema/schema_testing.hpp"
#include "k8s.io/api/apps/v1/deployment.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::schema {
namespace {

using testing::deployment_kind;
using testing::document;
using testing::pod_kind;

constexpr std::string_view kPod =
    R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","creationTimestamp":"2024-01-01T00:00:00Z",
  "labels":{"a":"1","b":"2"},"deletionGracePeriodSeconds":0,"managedFields":[{"manager":"m","fieldsV1":{"f:spec":{}}}]},
  "spec":{"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":"500m"}},
     "livenessProbe":{"httpGet":{"port":"web"},"periodSeconds":5},"readinessProbe":{"tcpSocket":{"port":80}}}],
     "volumes":[{"name":"v","emptyDir":{}},{"name":"cm","configMap":{"name":"x","defaultMode":420}}],
     "securityContext":{"supplementalGroups":[1,2,3]},"terminationGracePeriodSeconds":0},
  "status":{"phase":"Running"}})";

TEST(CodecProtobuf, RoundTripsAPod) {
  Json pod = document(pod_kind(), kPod);
  auto raw = encode_protobuf(*pod_kind().message, pod);
  ASSERT_TRUE(raw.ok()) << raw.error().message();
  std::string wrapped = wrap_protobuf("v1", "Pod", *raw);
  EXPECT_EQ(peek_type(Media::kProtobuf, wrapped)->kind, "Pod");
  auto again = decode(*pod_kind().message, Media::kProtobuf, wrapped);
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(encode_json(*pod_kind().message, *again), encode_json(*pod_kind().message, pod));
}

TEST(CodecProtobuf, GeneratedCodeReadsIt) {
  auto raw = encode_protobuf(*pod_kind().message, document(pod_kind(), kPod));
  ASSERT_TRUE(raw.ok());
  k8s::io::api::core::v1::Pod pod;
  ASSERT_TRUE(pod.ParseFromString(*raw));
  EXPECT_EQ(pod.metadata().name(), "p");
  EXPECT_EQ(pod.metadata().labels().at("b"), "2");
  EXPECT_TRUE(pod.metadata().has_deletion_grace_period_seconds());
  ASSERT_EQ(pod.spec().containers_size(), 1);
  EXPECT_EQ(pod.spec().containers(0).resources().limits().at("cpu").string(), "500m");
  EXPECT_EQ(pod.spec().containers(0).liveness_probe().probe_handler().http_get().port().str_val(), "web");
  EXPECT_EQ(pod.spec().security_context().supplemental_groups_size(), 3);
  std::string ours = pod.SerializeAsString();
  auto again = decode(*pod_kind().message, Media::kProtobuf, wrap_protobuf("v1", "Pod", ours));
  ASSERT_TRUE(again.ok()) << again.error().message();
  EXPECT_EQ(encode_json(*pod_kind().message, *again), encode_json(*pod_kind().message, document(pod_kind(), kPod)));
}

TEST(CodecProtobuf, RoundTripsADeployment) {
  Json deployment = document(deployment_kind(), R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"d"},
    "spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"strategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":0}},
    "template":{"spec":{"containers":[{"name":"c"}]}}}})");
  auto raw = encode_protobuf(*deployment_kind().message, deployment);
  ASSERT_TRUE(raw.ok());
  auto again = decode(*deployment_kind().message, Media::kProtobuf, wrap_protobuf("apps/v1", "Deployment", *raw));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(encode_json(*deployment_kind().message, *again), encode_json(*deployment_kind().message, deployment));
}

TEST(CodecProtobuf, TruncatedAndHostileInputIsRefused) {
  auto raw = encode_protobuf(*pod_kind().message, document(pod_kind(), kPod));
  std::string wrapped = wrap_protobuf("v1", "Pod", *raw);
  size_t refused = 0;
  for (size_t i = 0; i < wrapped.size(); ++i) {
    auto decoded = decode(*pod_kind().message, Media::kProtobuf, std::string_view(wrapped).substr(0, i));
    if (!decoded) {
      ++refused;
      EXPECT_EQ(decoded.error().code(), 400);
    }
  }
  EXPECT_GT(refused, wrapped.size() / 2);
  EXPECT_FALSE(decode(*pod_kind().message, Media::kProtobuf, "k8s").ok());
  EXPECT_FALSE(decode(*pod_kind().message, Media::kProtobuf, "{}").ok());
  // metadata.name of invalid UTF-8.
  EXPECT_FALSE(decode(*pod_kind().message, Media::kProtobuf, wrap_protobuf("v1", "Pod", "\x0a\x03\x0a\x01\xff")).ok());
}

TEST(CodecProtobuf, UnknownFieldsAreSkipped) {
  std::string raw("\x0a\x03\x0a\x01p\xfa\x3e\x01x", 9);
  auto decoded = decode(*pod_kind().message, Media::kProtobuf, wrap_protobuf("v1", "Pod", raw));
  ASSERT_TRUE(decoded.ok()) << decoded.error().message();
  EXPECT_EQ(decoded->at("metadata").at("name"), "p");
}

}  // namespace
}  // namespace gantry::schema
