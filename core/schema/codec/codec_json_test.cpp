// JSON in and out: canonical form, omit rules, errors, duplicate and unknown fields.
#include "core/schema/schema_testing.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

using testing::deployment_kind;
using testing::document;
using testing::pod_kind;

std::string round_trip(const Kind& kind, std::string_view json) {
  return encode_json(*kind.message, document(kind, json));
}

std::string error_of(const Kind& kind, std::string_view json) {
  auto decoded = decode(*kind.message, Media::kJson, json);
  EXPECT_FALSE(decoded.ok()) << json;
  if (decoded) return "";
  EXPECT_EQ(decoded.error().code(), 400);
  return decoded.error().message();
}

TEST(CodecJson, EmptyPodHasWhatUpstreamAlwaysWrites) {
  EXPECT_EQ(round_trip(pod_kind(), R"({"apiVersion":"v1","kind":"Pod"})"),
            R"({"kind":"Pod","apiVersion":"v1","metadata":{},"spec":{"containers":null},"status":{}})");
}

TEST(CodecJson, EmptyDeployment) {
  EXPECT_EQ(
      round_trip(deployment_kind(), R"({"kind":"Deployment","apiVersion":"apps/v1"})"),
      R"({"kind":"Deployment","apiVersion":"apps/v1","metadata":{},"spec":{"selector":null,"template":{"metadata":{},)"
      R"("spec":{"containers":null}},"strategy":{}},"status":{}})");
}

TEST(CodecJson, PodIsCanonical) {
  std::string out = round_trip(pod_kind(), R"({"spec":{"hostNetwork":false,"terminationGracePeriodSeconds":0,
    "containers":[{"image":"a<b>&","name":"c","ports":[],"args":null,"resources":{"limits":{"memory":"1024Mi","cpu":0.5}}}],
    "nodeSelector":{"b":"2","a":"1"}},
    "metadata":{"name":"p","labels":{},"creationTimestamp":"2024-01-01T02:00:00+02:00"},"kind":"Pod","apiVersion":"v1"})");
  EXPECT_EQ(
      out,
      R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","creationTimestamp":"2024-01-01T00:00:00Z"},)"
      R"("spec":{"containers":[{"name":"c","image":"a\u003cb\u003e\u0026","resources":{"limits":{"cpu":"500m","memory":"1Gi"}}}],)"
      R"("terminationGracePeriodSeconds":0,"nodeSelector":{"a":"1","b":"2"}},"status":{}})");
  // Once canonical, always the same.
  EXPECT_EQ(round_trip(pod_kind(), out), out);
}

TEST(CodecJson, RevisionHole) {
  size_t at = 0;
  std::string out = encode_json(
      *pod_kind().message, document(pod_kind(), R"({"metadata":{"name":"p","uid":"u","resourceVersion":"7"}})"), &at);
  ASSERT_GT(at, 0u);
  out.insert(at, "42");
  EXPECT_NE(out.find(R"("uid":"u","resourceVersion":"42")"), std::string::npos) << out;
}

TEST(CodecJson, ListItemsKeepTheirType) {
  const Kind& pod = pod_kind();
  auto list = decode(*pod.list_message, Media::kJson,
                     R"({"kind":"PodList","apiVersion":"v1","items":[{"kind":"Pod","apiVersion":"v1"}]})");
  ASSERT_TRUE(list.ok());
  EXPECT_EQ(
      encode_json(*pod.list_message, *list),
      R"({"kind":"PodList","apiVersion":"v1","metadata":{},"items":[{"kind":"Pod","apiVersion":"v1","metadata":{},"spec":{"containers":null},"status":{}}]})");
}

TEST(CodecJson, TypeErrorsNameThePath) {
  EXPECT_EQ(error_of(pod_kind(), R"({"kind":"Pod","apiVersion":"v1","spec":{"containers":"x"}})"),
            "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field "
            "PodSpec.spec.containers of type []v1.Container");
  EXPECT_EQ(
      error_of(deployment_kind(), R"({"kind":"Deployment","apiVersion":"apps/v1","spec":{"replicas":"3"}})"),
      "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct "
      "field DeploymentSpec.spec.replicas of type int32");
  EXPECT_EQ(
      error_of(deployment_kind(), R"({"kind":"Deployment","apiVersion":"apps/v1","spec":{"replicas":3000000000}})"),
      "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal number 3000000000 into "
      "Go "
      "struct field DeploymentSpec.spec.replicas of type int32");
  EXPECT_NE(error_of(pod_kind(),
                     R"({"kind":"Pod","apiVersion":"v1","spec":{"containers":[{"resources":{"limits":{"cpu":"x"}}}]}})")
                .find("quantities must match the regular expression"),
            std::string::npos);
}

TEST(CodecJson, Base64ErrorsNameTheByte) {
  const Kind& secret = testing::kind("", "Secret");
  const std::pair<const char*, int> cases[] = {{"a", 0}, {"YQ", 0},   {"YQ=", 3},  {"YQ==x", 4}, {"Y=Q=", 1},
                                               {"!", 0}, {"YW!=", 2}, {"YQ=x", 2}, {"YWJjZ", 4}};
  for (const auto& [text, byte] : cases) {
    EXPECT_EQ(error_of(secret, std::string(R"({"kind":"Secret","apiVersion":"v1","data":{"k":")") + text + "\"}}"),
              "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte " +
                  std::to_string(byte))
        << text;
  }
}

// As upstream's decoder does: each byte that belongs to no character, in keys too.
TEST(CodecJson, BytesThatAreNoTextAreReplaced) {
  std::vector<std::string> problems;
  const auto pod = decode(*pod_kind().message, Media::kJson,
                          "{\"metadata\":{\"name\":\"a\xff\xe2\x82\",\"labels\":{\"k\xc3\":\"\xed\xa0\x80\xc3\xa9\"}},"
                          "\"spec\":{\"nodeName\":\"a\",\"nodeName\":\"b\"}}",
                          {.problems = &problems});
  ASSERT_TRUE(pod.ok()) << pod.error().message();
  const auto& metadata = pod->at("metadata").as_object();
  EXPECT_EQ(metadata.at("name").as_string(), "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(metadata.at("labels").at("k\xef\xbf\xbd").as_string(), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9");
  EXPECT_EQ(problems, (std::vector<std::string>{"duplicate field \"spec.nodeName\""}));
}

TEST(CodecJson, HostileInputIsRefused) {
  std::string deep(100000, '[');
  for (std::string_view bad :
       std::initializer_list<std::string_view>{"",
                                               "{",
                                               "nul",
                                               "[]",
                                               "1",
                                               "{}x",
                                               "{\"a\":1}{",
                                               "{\"metadata\":\xff}",
                                               "{'a':1}",
                                               "{\"a\":01}",
                                               "{\"a\":1e}",
                                               R"({"metadata":1})",
                                               R"({"metadata":{"labels":[]}})",
                                               R"({"metadata":{"labels":{"a":1}}})",
                                               R"({"metadata":{"creationTimestamp":"x"}})",
                                               R"({"metadata":{"generation":1.5}})",
                                               R"({"metadata":{"generation":99999999999999999999}})",
                                               R"({"spec":{"containers":[1]}})",
                                               R"({"kind":5})",
                                               deep}) {
    (void)error_of(pod_kind(), bad);
  }
  std::string nested = R"({"metadata":{"managedFields":[{"fieldsV1":)";
  for (int i = 0; i < 200; ++i) nested += R"({"f:a":)";
  (void)error_of(pod_kind(), nested);
}

TEST(CodecJson, NullMeansAbsent) {
  EXPECT_EQ(
      round_trip(pod_kind(),
                 R"({"metadata":null,"spec":{"containers":[],"securityContext":null,"nodeSelector":{"a":null}}})"),
      R"({"metadata":{},"spec":{"containers":null,"nodeSelector":{"a":""}},"status":{}})");
}

TEST(CodecJson, UnknownAndDuplicateFieldsAreNamed) {
  std::vector<std::string> problems;
  DecodeOptions options;
  options.problems = &problems;
  auto decoded = decode(
      *pod_kind().message, Media::kJson,
      R"({"spec":{"foo":1,"containers":[{"name":"a","bar":2},{"name":"a","name":"b"}],"hostPID":true,"hostPID":true}})",
      options);
  ASSERT_TRUE(decoded.ok());
  EXPECT_THAT(problems, ::testing::UnorderedElementsAre(
                            "duplicate field \"spec.containers[1].name\"", "duplicate field \"spec.hostPID\"",
                            "unknown field \"spec.foo\"", "unknown field \"spec.containers[0].bar\""));
}

TEST(CodecJson, PeekType) {
  auto type = peek_type(Media::kJson, R"({"metadata":{"kind":"No"},"kind":"Pod","apiVersion":"v1","rest":)");
  ASSERT_TRUE(type.ok());
  EXPECT_EQ(type->kind, "Pod");
  EXPECT_EQ(type->api_version, "v1");
  EXPECT_FALSE(peek_type(Media::kJson, "{").ok());
  EXPECT_FALSE(peek_type(Media::kJson, R"({"kind":{}})").ok());
  EXPECT_EQ(peek_type(Media::kJson, "{}")->kind, "");
}

TEST(CodecJson, MediaTypes) {
  EXPECT_EQ(*media_of("application/json; charset=utf-8"), Media::kJson);
  EXPECT_EQ(*media_of("Application/YAML"), Media::kYaml);
  EXPECT_EQ(*media_of("application/vnd.kubernetes.protobuf"), Media::kProtobuf);
  EXPECT_EQ(media_of("text/plain").error().code(), 415);
}

std::vector<std::string> problems_of(const Kind& kind, Media media, std::string_view body) {
  std::vector<std::string> problems;
  DecodeOptions options;
  options.problems = &problems;
  EXPECT_TRUE(decode(*kind.message, media, body, options).ok());
  return problems;
}

TEST(CodecJson, ProblemsAreCountedAndCut) {
  std::string body = "{\"metadata\":{\"name\":\"a\"}";
  for (int i = 0; i < 1234; ++i) body += ",\"k" + std::to_string(i) + std::string(300, 'k') + "\":1";
  const auto problems = problems_of(pod_kind(), Media::kJson, body + "}");
  ASSERT_EQ(problems.size(), kMaxProblems + 1);
  EXPECT_EQ(problems.front().size(), std::string("unknown field \"...\"").size() + kLongestName);
  EXPECT_THAT(problems.front(), ::testing::EndsWith("kkk...\""));
  EXPECT_EQ(problems.back(), "and 1134 more");
}

TEST(CodecJson, EqualProblemsAreToldOnce) {
  const std::string key(100'000, 'k');
  std::string body = "{\"" + key + "\":{\"b\":0";
  for (int i = 0; i < 5000; ++i) body += ",\"b\":1";
  const std::string shown = std::string(128, 'k') + "...";
  EXPECT_THAT(problems_of(pod_kind(), Media::kJson, body + "}}"),
              ::testing::ElementsAre("duplicate field \"" + shown + ".b\"", "unknown field \"" + shown + "\""));
}

TEST(CodecJson, MessagesShowOnlySomeOfAText) {
  const std::string huge(1'000'000, 'x');
  for (const std::string& body :
       {"{\"spec\":{\"nodeSelector\":{\"" + huge + "\":1}}}", "{\"metadata\":{\"creationTimestamp\":\"" + huge + "\"}}",
        "{\"kind\":\"" + huge + "\",\"spec\":1}", "{\"apiVersion\":\"" + huge + "\",\"kind\":\"Pod\",\"spec\":1}"}) {
    auto decoded = decode(*pod_kind().message, Media::kJson, body);
    ASSERT_FALSE(decoded.ok());
    EXPECT_LT(decoded.error().message().size(), 2000U);
    EXPECT_NE(decoded.error().message().find("..."), std::string::npos);
  }
}

TEST(CodecJson, NullInAMapIsItsZero) {
  EXPECT_EQ(round_trip(testing::kind("", "Secret"), R"({"data":{"a":null,"b":"YQ=="},"stringData":{"c":null}})"),
            R"({"metadata":{},"data":{"a":"","b":"YQ=="},"stringData":{"c":""}})");
  EXPECT_EQ(round_trip(testing::kind("", "ConfigMap"), R"({"data":{"a":null},"binaryData":{"b":null}})"),
            R"({"metadata":{},"data":{"a":""},"binaryData":{"b":""}})");
}

TEST(CodecJson, RawValuesAreNoDeeperThanTheRest) {
  const auto managed = [](size_t depth) {
    std::string out;
    for (size_t i = 0; i < depth; ++i) out += "{\"f:a\":";
    return R"({"metadata":{"managedFields":[{"fieldsV1":)" + out + "{}" + std::string(depth, '}') + "}]}}";
  };
  // The object, its metadata, the list, its element: four around the raw value.
  const auto canonical = [&](size_t depth) {
    return canonicalize(*pod_kind().message, *parse_json(managed(depth - 1), 1000)).ok();
  };
  EXPECT_TRUE(canonical(60));
  EXPECT_FALSE(canonical(61));
  EXPECT_TRUE(decode(*pod_kind().message, Media::kJson, managed(59)).ok());
  EXPECT_FALSE(decode(*pod_kind().message, Media::kJson, managed(60)).ok());
}

TEST(CodecJson, SpaceAroundAQuantityIsTakenAtOnce) {
  const auto limit = [](std::string_view text) {
    auto pod = decode(*pod_kind().message, Media::kJson,
                      R"({"spec":{"containers":[{"resources":{"limits":{"cpu":")" + std::string(text) + R"("}}}]}})");
    return pod ? std::string(pod->at("spec").at("containers").at(0).at("resources").at("limits").at("cpu").get_string())
               : "refused";
  };
  EXPECT_EQ(limit("  0.5 "), "500m");
  EXPECT_EQ(limit(std::string(1'000'000, ' ') + "1"), "1");
  EXPECT_EQ(limit(std::string(1'000'000, ' ')), "refused");
}

}  // namespace
}  // namespace gantry::schema
