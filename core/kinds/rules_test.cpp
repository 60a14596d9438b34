// What validation says of any object, in upstream's words: metadata, owners, how much is told.
#include "core/kinds/parts/pod_testing.hpp"
#include "core/schema/sample_pod.hpp"

namespace gantry::kinds {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kSubdomainRule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

TEST(Validation, GoodObjectsPass) {
  EXPECT_THAT(pod_problems("{}"), IsEmpty());
  Json sample = made(pod_kind(), schema::testing::kSamplePod, "{}");
  EXPECT_THAT(lines(validate(pod_kind(), sample)), IsEmpty());
  EXPECT_THAT(lines(validate(pod_kind(), sample, &sample)), IsEmpty());
}

TEST(Validation, TheStatusNamesKindAndCauses) {
  Status one = invalid_status(pod_kind(), "x", validate(pod_kind(), pod(R"({"spec":{"containers":[{"image":"i"}]}})")));
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
  Status two = invalid_status(deployment_kind(), "d",
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

TEST(Validation, ManyProblemsAreAllNamed) {
  EXPECT_EQ(pod_problems(
                R"({"metadata":{"name":"X"},"spec":{"restartPolicy":"No","containers":[{"name":"a"},{"image":"i"}]}})")
                .size(),
            4u);
}

std::string labels(size_t count) {
  std::string out = R"({"metadata":{"labels":{)";
  for (size_t i = 0; i < count; ++i) out += (i > 0 ? ",\"" : "\"") + std::to_string(i) + "_\":\"v v\"";
  return out + "}}}";
}

TEST(Validation, CausesAreCounted) {
  const auto causes = validate(pod_kind(), pod(labels(1000)));
  ASSERT_EQ(causes.size(), 101U);
  EXPECT_EQ(causes.back().message, "and 1900 more");
  EXPECT_EQ(causes.back().field, "");
  EXPECT_EQ(causes.back().reason, "");
  const Status status = invalid_status(pod_kind(), "p", causes);
  EXPECT_THAT(status.message(), ::testing::EndsWith(", and 1900 more]"));
  EXPECT_LT(status.message().size(), 200'000U);
  EXPECT_EQ(validate(pod_kind(), pod(labels(50))).size(), 100U);
}

TEST(Validation, CausesAreCut) {
  const std::string huge(100'000, 'x');
  const auto causes = validate(kind("", "ConfigMap"), parsed(R"({"metadata":{"name":"a","labels":{"a":")" + huge +
                                                             R"("}},"data":{"/)" + huge + R"(":""}})"));
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

}  // namespace
}  // namespace gantry::kinds
