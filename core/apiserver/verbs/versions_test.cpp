// A resource of two versions: one set of objects, and each version's own words for them, whatever it is asked by.
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

constexpr const char* kV1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
constexpr const char* kV2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
constexpr const char* kProtobuf = "application/vnd.kubernetes.protobuf";
constexpr const char* kPrefix = "autoscaling.alpha.kubernetes.io/";

std::string annotation(const Json& object, const std::string& name) {
  const Json* annotations = find(object, {"metadata", "annotations"});
  const Json* value = annotations == nullptr ? nullptr : annotations->as_object().if_contains(kPrefix + name);
  return value == nullptr ? std::string() : std::string(value->as_string());
}

class VersionsTest : public ServerTest {
 protected:
  static std::string scaler(const std::string& name, const std::string& more = {}) {
    return R"({"metadata":{"name":")" + name +
           R"("},"spec":{"maxReplicas":4,"scaleTargetRef":{"apiVersion":"apps/v1","kind":"Deployment","name":"web"})" +
           more + "}}";
  }
  static std::string at(const char* base, const std::string& name) { return std::string(base) + "/" + name; }
  static constexpr const char* kByMemory =
      R"(,"metrics":[{"type":"Resource","resource":{"name":"memory","target":{"type":"AverageValue","averageValue":"1Gi"}}},)"
      R"({"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60}}}],)"
      R"("behavior":{"scaleDown":{"stabilizationWindowSeconds":5}})";
  static constexpr const char* kStatus =
      R"({"status":{"currentReplicas":2,"desiredReplicas":3,"currentMetrics":[{"type":"Resource","resource":{"name":"cpu",)"
      R"("current":{"averageUtilization":30,"averageValue":"300m"}}}],"conditions":[{"type":"AbleToScale","status":"True",)"
      R"("lastTransitionTime":"2026-01-01T00:00:00Z"}]}})";
  Answer patched(const std::string& path, const std::string& body, const char* type = kMergePatch) {
    auto answer = ask("PATCH", path, body, type);
    EXPECT_EQ(answer.code, 200) << answer.body;
    return answer;
  }
  Json decoded(const char* version, const std::string& body) {
    const auto& message = *schemas_->now()->find_kind("autoscaling", version, "HorizontalPodAutoscaler")->message;
    const auto document = schema::decode(message, schema::Media::kProtobuf, body);
    EXPECT_TRUE(document.ok());
    return document ? *document : Json();
  }
};

TEST_F(VersionsTest, TheNewestIsPreferred) {
  const auto group = ask("GET", "/apis/autoscaling");
  EXPECT_EQ(group.text({"preferredVersion", "version"}), "v2");
  const Json document = group.json();
  const auto& versions = find(document, {"versions"})->as_array();
  ASSERT_EQ(versions.size(), 2U);
  EXPECT_EQ(text_at(versions[1], {"version"}), "v1");
  const auto resource = [&](const std::string& version) {
    const Json list = ask("GET", "/apis/autoscaling/" + version).json();
    return find(list, {"resources"})->as_array().at(0);
  };
  EXPECT_EQ(text_at(resource("v1"), {"storageVersionHash"}), text_at(resource("v2"), {"storageVersionHash"}));
  EXPECT_EQ(text_at(resource("v1"), {"name"}), "horizontalpodautoscalers");
  EXPECT_EQ(*find(resource("v2"), {"shortNames"}), Json(JsonArray{"hpa"}));
  EXPECT_EQ(*find(resource("v2"), {"categories"}), Json(JsonArray{"all"}));
}

TEST_F(VersionsTest, EachSeesWhatTheOtherMade) {
  const auto older = made(kV1, scaler("a", R"(,"targetCPUUtilizationPercentage":70)"));
  EXPECT_EQ(older.text({"apiVersion"}), "autoscaling/v1");
  EXPECT_EQ(int_at(older.json(), {"spec", "targetCPUUtilizationPercentage"}), 70);
  EXPECT_EQ(int_at(made(kV1, scaler("b")).json(), {"spec", "targetCPUUtilizationPercentage"}), 80);
  const auto newer = made(kV2, scaler("c", kByMemory));
  EXPECT_EQ(newer.text({"apiVersion"}), "autoscaling/v2");
  const Json a = ask("GET", at(kV2, "a")).json();
  EXPECT_EQ(
      boost::json::serialize(*find(a, {"spec", "metrics"})),
      R"([{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":70}}}])");
  EXPECT_EQ(text_at(a, {"metadata", "uid"}), older.text({"metadata", "uid"}));
  EXPECT_EQ(text_at(a, {"metadata", "resourceVersion"}), older.text({"metadata", "resourceVersion"}));
  const Json c = ask("GET", at(kV1, "c")).json();
  EXPECT_EQ(int_at(c, {"spec", "targetCPUUtilizationPercentage"}), 60);
  EXPECT_EQ(annotation(c, "metrics"),
            R"([{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}}])");
  EXPECT_EQ(ask("POST", kV1, scaler("c")).code, 409);
  EXPECT_EQ(store_->list("/autoscaling/horizontalpodautoscalers/")->entries.size(), 3U);
  EXPECT_EQ(ask("DELETE", at(kV1, "c")).code, 200);
  EXPECT_EQ(ask("GET", at(kV2, "c")).code, 404);
}

TEST_F(VersionsTest, WritingWhatOneReadChangesNothing) {
  made(kV2, scaler("a", kByMemory));
  patched(at(kV2, "a") + "/status", kStatus);
  const auto before = ask("GET", at(kV2, "a"));
  const auto seen = ask("GET", at(kV1, "a"));
  EXPECT_NE(annotation(seen.json(), "conditions"), "");
  const auto put = ask("PUT", at(kV1, "a"), seen.body);
  EXPECT_EQ(put.code, 200) << put.body;
  EXPECT_EQ(ask("GET", at(kV2, "a")).body, before.body) << "not even written";
  EXPECT_EQ(ask("PUT", at(kV1, "a") + "/status", seen.body).code, 200);
  EXPECT_EQ(ask("GET", at(kV2, "a")).body, before.body);
}

TEST_F(VersionsTest, TheStatusIsNotForThoseWhoWriteTheSpec) {
  const std::string forged = R"("annotations":{")" + std::string(kPrefix) +
                             R"(conditions":"[{\"type\":\"T\",\"status\":\"True\"}]",")" + kPrefix +
                             R"(current-metrics":"[{\"type\":\"Resource\",\"resource\":{\"name\":\"cpu\"}}]"})";
  auto body = scaler("a");
  body.insert(body.find("\"name\":\"a\""), forged + ",");
  const auto created = made(kV1, body);
  EXPECT_EQ(annotation(created.json(), "conditions"), "");
  patched(at(kV2, "a") + "/status", kStatus);
  patched(at(kV1, "a"), R"({"metadata":{)" + forged + "}}");
  const Json after = ask("GET", at(kV2, "a")).json();
  EXPECT_EQ(text_at(find(after, {"status", "conditions"})->at(0), {"type"}), "AbleToScale");
  EXPECT_EQ(find(after, {"status", "currentMetrics"})->as_array().size(), 1U);
  EXPECT_EQ(int_at(after, {"metadata", "generation"}), 1);
}

TEST_F(VersionsTest, TheSpecIsNotForThoseWhoWriteTheStatus) {
  made(kV2, scaler("a", kByMemory));
  const auto spec = boost::json::serialize(*find(ask("GET", at(kV2, "a")).json(), {"spec"}));
  const std::string forged = R"({"metadata":{"annotations":{")" + std::string(kPrefix) + R"(metrics":null,")" +
                             kPrefix + R"(behavior":null}},"spec":{"maxReplicas":9},"status":{"desiredReplicas":3}})";
  const auto answer = patched(at(kV1, "a") + "/status", forged);
  EXPECT_EQ(int_at(answer.json(), {"status", "desiredReplicas"}), 3);
  const Json after = ask("GET", at(kV2, "a")).json();
  EXPECT_EQ(boost::json::serialize(*find(after, {"spec"})), spec);
  EXPECT_EQ(int_at(after, {"metadata", "generation"}), 1);
}

TEST_F(VersionsTest, EachChangeOfTheSpecIsAGeneration) {
  made(kV2, scaler("a", kByMemory));
  const auto generation = [&] { return int_at(ask("GET", at(kV1, "a")).json(), {"metadata", "generation"}); };
  patched(at(kV1, "a"), R"({"spec":{"maxReplicas":5}})");
  EXPECT_EQ(generation(), 2);
  patched(at(kV1, "a"), R"({"metadata":{"annotations":{")" + std::string(kPrefix) + R"(behavior":null}}})");
  EXPECT_EQ(generation(), 3);
  EXPECT_EQ(find(ask("GET", at(kV2, "a")).json(), {"spec", "behavior"}), nullptr);
  patched(at(kV1, "a"), R"({"metadata":{"annotations":{"other":"x"}}})");
  EXPECT_EQ(generation(), 3);
}

TEST_F(VersionsTest, PatchesWorkOnWhatTheirVersionShows) {
  made(kV2, scaler("a", kByMemory));
  const auto older =
      patched(at(kV1, "a"), R"({"spec":{"targetCPUUtilizationPercentage":50,"minReplicas":2}})", kStrategicPatch);
  EXPECT_EQ(older.text({"apiVersion"}), "autoscaling/v1");
  EXPECT_EQ(int_at(older.json(), {"spec", "targetCPUUtilizationPercentage"}), 50);
  Json stored = ask("GET", at(kV2, "a")).json();
  const auto& metrics = find(stored, {"spec", "metrics"})->as_array();
  ASSERT_EQ(metrics.size(), 2U);
  EXPECT_EQ(text_at(metrics[0], {"resource", "name"}), "memory");
  EXPECT_EQ(int_at(metrics[1], {"resource", "target", "averageUtilization"}), 50);
  EXPECT_EQ(int_at(stored, {"spec", "behavior", "scaleDown", "stabilizationWindowSeconds"}), 5);
  // Conditions are merged by their type, where there are any.
  patched(at(kV2, "a") + "/status", kStatus, kStrategicPatch);
  patched(at(kV2, "a") + "/status", R"({"status":{"conditions":[{"type":"ScalingActive","status":"False"}]}})",
          kStrategicPatch);
  const Json seen = ask("GET", at(kV1, "a")).json();
  EXPECT_NE(annotation(seen, "conditions").find("AbleToScale"), std::string::npos);
  EXPECT_NE(annotation(seen, "conditions").find("ScalingActive"), std::string::npos);
  EXPECT_EQ(int_at(seen, {"status", "currentCPUUtilizationPercentage"}), 30);
  const auto json =
      ask("PATCH", at(kV1, "a"), R"([{"op":"replace","path":"/spec/targetCPUUtilizationPercentage","value":40}])",
          "application/json-patch+json");
  EXPECT_EQ(json.code, 200) << json.body;
  const auto wrong = ask("PATCH", at(kV1, "a"), R"({"spec":{"targetCPUUtilizationPercentage":0}})", kMergePatch);
  EXPECT_EQ(wrong.code, 422) << wrong.body;
  EXPECT_NE(wrong.body.find("spec.metrics[1].resource.target.averageUtilization"), std::string::npos) << wrong.body;
  EXPECT_EQ(ask("PATCH", at(kV2, "a"), R"([{"op":"test","path":"/spec/targetCPUUtilizationPercentage","value":40}])",
                "application/json-patch+json")
                .code,
            422);
}

TEST_F(VersionsTest, DryRunsAnswerInTheirVersion) {
  const auto created = ask("POST", std::string(kV1) + "?dryRun=All", scaler("a"));
  EXPECT_EQ(created.code, 201) << created.body;
  EXPECT_EQ(created.text({"apiVersion"}), "autoscaling/v1");
  EXPECT_EQ(int_at(created.json(), {"spec", "targetCPUUtilizationPercentage"}), 80);
  EXPECT_EQ(ask("GET", at(kV1, "a")).code, 404);
  made(kV2, scaler("a", kByMemory));
  const auto dry = patched(at(kV1, "a") + "?dryRun=All", R"({"spec":{"targetCPUUtilizationPercentage":50}})");
  EXPECT_EQ(int_at(dry.json(), {"spec", "targetCPUUtilizationPercentage"}), 50);
  EXPECT_NE(annotation(dry.json(), "metrics"), "");
  EXPECT_EQ(int_at(ask("GET", at(kV1, "a")).json(), {"spec", "targetCPUUtilizationPercentage"}), 60);
}

// Asked for in turns, so that what one left with the object would be seen by the other.
TEST_F(VersionsTest, FormsAreKeptForEachVersion) {
  made(kV2, scaler("a", kByMemory));
  for (int round = 0; round < 2; ++round) {
    for (const auto& path : {std::string(), std::string("/a")}) {
      const auto older = ask("GET", kV1 + path, "", "", kProtobuf), newer = ask("GET", kV2 + path, "", "", kProtobuf);
      EXPECT_EQ(schema::unwrap_protobuf(older.body)->type.api_version, "autoscaling/v1");
      EXPECT_EQ(schema::unwrap_protobuf(newer.body)->type.api_version, "autoscaling/v2");
      if (path.empty()) continue;
      EXPECT_EQ(int_at(decoded("v1", older.body), {"spec", "targetCPUUtilizationPercentage"}), 60);
      EXPECT_EQ(find(decoded("v2", newer.body), {"spec", "metrics"})->as_array().size(), 2U);
    }
    const auto older = ask("GET", kV1), newer = ask("GET", kV2);
    EXPECT_EQ(older.text({"apiVersion"}), "autoscaling/v1");
    EXPECT_NE(older.body.find(R"("targetCPUUtilizationPercentage":60)"), std::string::npos);
    EXPECT_EQ(older.body.find(R"("behavior":{)"), std::string::npos);
    EXPECT_NE(newer.body.find(R"("behavior":{)"), std::string::npos);
    EXPECT_EQ(newer.body.find("targetCPUUtilizationPercentage"), std::string::npos);
    for (const auto* base : {kV1, kV2}) {
      const auto row = [](const Answer& answer) { return find(answer.json(), {"rows"})->at(0); };
      const auto one = row(ask("GET", std::string(base) + "?includeObject=Object", "", "", kTable));
      const std::string version = base == kV1 ? "autoscaling/v1" : "autoscaling/v2";
      EXPECT_EQ(text_at(one, {"object", "apiVersion"}), version);
      EXPECT_EQ(find(one, {"cells"})->at(2), "memory: <unknown>/1Gi, cpu: <unknown>/60%");
      const auto yaml = ask("GET", at(base, "a"), "", "", "application/yaml");
      EXPECT_NE(yaml.body.find("apiVersion: " + version), std::string::npos);
      const auto metadata =
          ask("GET", at(base, "a"), "", "", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
      EXPECT_EQ(annotation(metadata.json(), "metrics").empty(), base == kV2);
    }
  }
}

TEST_F(VersionsTest, BothAreWatched) {
  auto older = ask("GET", std::string(kV1) + "?watch=true").stream;
  auto newer = ask("GET", std::string(kV2) + "?watch=true").stream;
  auto table = ask("GET", std::string(kV1) + "?watch=true", "", "", kTable).stream;
  auto bytes = ask("GET", std::string(kV1) + "?watch=true", "", "", std::string(kProtobuf) + ";stream=watch").stream;
  auto selected = ask("GET", std::string(kV1) + "?watch=true&labelSelector=x%3Dy").stream;
  made(kV2, scaler("a", kByMemory));
  patched(at(kV1, "a"), R"({"metadata":{"labels":{"x":"y"}},"spec":{"targetCPUUtilizationPercentage":50}})");
  EXPECT_EQ(ask("DELETE", at(kV2, "a")).code, 200);
  for (const auto& stream : {older, newer, table, selected}) ASSERT_TRUE(stream->wait_text(R"("DELETED")"));
  EXPECT_TRUE(older->text().starts_with(
      R"({"type":"ADDED","object":{"kind":"HorizontalPodAutoscaler","apiVersion":"autoscaling/v1")"))
      << older->text();
  EXPECT_NE(older->text().find(R"("targetCPUUtilizationPercentage":60)"), std::string::npos);
  EXPECT_NE(older->text().find(R"("targetCPUUtilizationPercentage":50)"), std::string::npos);
  EXPECT_EQ(newer->text().find("targetCPUUtilizationPercentage"), std::string::npos);
  EXPECT_NE(newer->text().find(R"("averageUtilization":50)"), std::string::npos);
  EXPECT_NE(table->text().find("memory: \\u003cunknown\\u003e/1Gi, cpu: \\u003cunknown\\u003e/50%"), std::string::npos)
      << table->text();
  EXPECT_TRUE(selected->text().starts_with(R"({"type":"ADDED")"));
  EXPECT_EQ(selected->text().find(R"("targetCPUUtilizationPercentage":60)"), std::string::npos);
  ASSERT_TRUE(bytes->wait_text("DELETED"));
  EXPECT_NE(bytes->text().find("autoscaling/v1"), std::string::npos);
  EXPECT_EQ(bytes->text().find("autoscaling/v2"), std::string::npos);
}

}  // namespace
}  // namespace gantry::apiserver
