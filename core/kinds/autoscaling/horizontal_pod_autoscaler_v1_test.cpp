// HorizontalPodAutoscalers from one version to the other, and their table in both.
#include <boost/json/serialize.hpp>

#include "core/kinds/autoscaling/autoscaler_testing.hpp"
#include "core/kinds/parts/autoscaler.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::autoscaling_horizontal_pod_autoscaler_v1_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string json(const Kind& version, const Json& value) { return schema::encode_json(*version.message, value); }

Json converted(Json from, void (*convert)(JsonObject&), const Kind& to) {
  convert(from.as_object());
  auto out = schema::canonicalize(*to.message, std::move(from));
  EXPECT_TRUE(out.ok()) << (out ? "" : out.error().message());
  return *out;
}
Json to_v1(const Json& from) { return converted(from, autoscaler_to_v1, v1()); }
Json to_v2(const Json& from) { return converted(from, autoscaler_to_v2, v2()); }

std::string annotation(const Json& object, std::string_view name) {
  const auto* metadata = get_object(object.as_object(), "metadata");
  const auto* annotations = get_object(*metadata, "annotations");
  if (annotations == nullptr) return {};
  return std::string(get_text(*annotations, "autoscaling.alpha.kubernetes.io/" + std::string(name)));
}

// What all sources say, in a status too.
constexpr std::string_view kFull = R"({"metadata":{"annotations":{"own":"1"}},"spec":{"minReplicas":2,"metrics":[
    {"type":"Object","object":{"metric":{"name":"m","selector":{"matchLabels":{"a":"b"}}},
      "describedObject":{"apiVersion":"v1","kind":"Service","name":"s"},"target":{"type":"AverageValue","averageValue":"3"}}},
    {"type":"Object","object":{"metric":{"name":"m"},
      "describedObject":{"kind":"Service","name":"s"},"target":{"type":"Value","value":"100m"}}},
    {"type":"Pods","pods":{"metric":{"name":"p"},"target":{"type":"AverageValue","averageValue":"2k"}}},
    {"type":"Resource","resource":{"name":"memory","target":{"type":"AverageValue","averageValue":"1Gi"}}},
    {"type":"ContainerResource","containerResource":{"name":"cpu","container":"c","target":{"type":"Utilization","averageUtilization":50}}},
    {"type":"External","external":{"metric":{"name":"q","selector":{}},"target":{"type":"Value","value":"7"}}},
    {"type":"External","external":{"metric":{"name":"q"},"target":{"type":"AverageValue","averageValue":"8"}}},
    {"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":60}}}],
   "behavior":{"scaleUp":{"tolerance":"50m"},"scaleDown":{"stabilizationWindowSeconds":5}}},
  "status":{"observedGeneration":3,"lastScaleTime":"2026-01-01T00:00:00Z","currentReplicas":4,"desiredReplicas":5,
   "conditions":[{"type":"AbleToScale","status":"True","lastTransitionTime":"2026-01-01T00:00:00Z","reason":"R"}],
   "currentMetrics":[
    {"type":"Object","object":{"metric":{"name":"m"},"current":{"averageValue":"3","value":"6"},
      "describedObject":{"apiVersion":"v1","kind":"Service","name":"s"}}},
    {"type":"Pods","pods":{"metric":{"name":"p"},"current":{"averageValue":"1500"}}},
    {"type":"ContainerResource","containerResource":{"name":"cpu","container":"c","current":{"averageUtilization":40,"averageValue":"1"}}},
    {"type":"External","external":{"metric":{"name":"q"},"current":{"value":"7"}}},
    {"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":30,"averageValue":"300m"}}}]}})";

TEST(Autoscaler, NothingIsLostOnTheWayThereAndBack) {
  const Json stored = scaler(v2(), kFull);
  ASSERT_THAT(lines(validate(v2(), stored)), IsEmpty());
  const Json seen = to_v1(stored);
  EXPECT_EQ(json(v2(), to_v2(seen)), json(v2(), stored));
  EXPECT_THAT(lines(validate(v1(), seen)), IsEmpty());
  EXPECT_EQ(
      annotation(seen, "behavior"),
      R"({"ScaleUp":{"Tolerance":"50m","SelectPolicy":"Max","Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15},)"
      R"({"Type":"Percent","Value":100,"PeriodSeconds":15}],"StabilizationWindowSeconds":0},"ScaleDown":)"
      R"({"StabilizationWindowSeconds":5,"SelectPolicy":"Max","Policies":[{"Type":"Percent","Value":100,"PeriodSeconds":15}]}})");
  EXPECT_THAT(
      annotation(seen, "metrics"),
      HasSubstr(R"({"type":"ContainerResource","containerResource":{"name":"cpu","targetAverageUtilization":50,)"
                R"("container":"c"}})"));
  EXPECT_THAT(annotation(seen, "metrics"),
              HasSubstr(R"({"type":"External","external":{"metricName":"q","targetAverageValue":"8"}})"));
  EXPECT_THAT(annotation(seen, "current-metrics"),
              HasSubstr(R"({"type":"Pods","pods":{"metricName":"p","currentAverageValue":"1500"}})"));
  EXPECT_THAT(annotation(seen, "conditions"), HasSubstr(R"("type":"AbleToScale")"));
  EXPECT_EQ(seen.at("spec").at(kTargetCpu), 60);
  EXPECT_EQ(seen.at("status").at("currentCPUUtilizationPercentage"), 30);
  EXPECT_EQ(seen.at("metadata").at("annotations").at("own"), "1");
  EXPECT_FALSE(seen.at("spec").as_object().contains("metrics"));
}

TEST(Autoscaler, OneMetricOfTheCpuNeedsNoAnnotation) {
  const Json seen = to_v1(scaler(v2(), "{}"));
  EXPECT_EQ(json(v1(), seen),
            R"({"metadata":{"name":"a","namespace":"default"},"spec":{"scaleTargetRef":{"kind":"Deployment",)"
            R"("name":"web","apiVersion":"apps/v1"},"minReplicas":1,"maxReplicas":5,)"
            R"("targetCPUUtilizationPercentage":80},"status":{"currentReplicas":0,"desiredReplicas":0}})");
  const Json back = to_v2(scaler(v1(), R"({"status":{"currentCPUUtilizationPercentage":9}})"));
  EXPECT_EQ(back.at("status").at("currentMetrics"),
            parsed(R"([{"type":"Resource","resource":{"name":"cpu","current":{"averageUtilization":9}}}])"));
  // Of two, the second stands in the annotation, as an average value does.
  const Json two = to_v1(scaler(v2(), R"({"spec":{"metrics":[
      {"type":"Resource","resource":{"name":"cpu","target":{"type":"AverageValue","averageValue":"1"}}},
      {"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":1}}},
      {"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":2}}}]}})"));
  EXPECT_EQ(two.at("spec").at(kTargetCpu), 1);
  EXPECT_EQ(annotation(two, "metrics"),
            R"([{"type":"Resource","resource":{"name":"cpu","targetAverageValue":"1"}},)"
            R"({"type":"Resource","resource":{"name":"cpu","targetAverageUtilization":2}}])");
}

std::string annotated(std::string_view key, const std::string& value) {
  return R"({"metadata":{"annotations":{"autoscaling.alpha.kubernetes.io/)" + std::string(key) +
         "\":" + boost::json::serialize(Json(value)) + "}}}";
}

TEST(Autoscaler, AnnotationsOfV1AreRead) {
  const Json only =
      scaler(v1(), annotated("metrics", R"([{"type":"Pods","pods":{"metricName":"p","targetAverageValue":"1"}}])"));
  EXPECT_FALSE(only.at("spec").as_object().contains(kTargetCpu)) << "there is a metric";
  EXPECT_EQ(
      to_v2(only).at("spec").at("metrics"),
      parsed(
          R"([{"type":"Pods","pods":{"metric":{"name":"p"},"target":{"type":"AverageValue","averageValue":"1"}}}])"));
  // A client of upstream's writes the zero of what is absent.
  const Json zero =
      to_v2(scaler(v1(), annotated("metrics", R"([{"type":"Object","object":{"target":{"kind":"S","name":"s"},
      "metricName":"m","targetValue":"0","averageValue":"2"}}])")));
  EXPECT_EQ(zero.at("spec").at("metrics").at(0).at("object").at("target"),
            parsed(R"({"type":"AverageValue","averageValue":"2"})"));
  const Json behavior = to_v2(scaler(v1(), annotated("behavior", R"({"ScaleUp":null,"ScaleDown":{"Policies":[
      {"Type":"Pods","Value":1,"PeriodSeconds":2}],"SelectPolicy":"Min","StabilizationWindowSeconds":null}})")));
  EXPECT_EQ(behavior.at("spec").at("behavior"),
            parsed(R"({"scaleDown":{"policies":[{"type":"Pods","value":1,"periodSeconds":2}],"selectPolicy":"Min"}})"));
  for (const char* key : {"metrics", "behavior", "current-metrics", "conditions"}) {
    for (const char* garbage : {"", "{", "5", "[5]", "null"}) {
      const Json odd = to_v2(scaler(v1(), annotated(key, garbage)));
      EXPECT_EQ(odd.at("spec").at("metrics"), scaler(v2(), "{}").at("spec").at("metrics")) << key << garbage;
      EXPECT_FALSE(odd.at("metadata").as_object().contains("annotations")) << key << garbage;
    }
  }
}

// What is put beside the spec and the status moves them.
TEST(Autoscaler, ABareObjectIsConverted) {
  Json bare = parsed(R"({"spec":{"metrics":[{"type":"Pods","pods":{"metric":{"name":"p"}}},{"type":"Resource",
      "resource":{"name":"cpu","target":{"averageUtilization":7}}}]},"status":{"conditions":[{"type":"A"}]}})");
  autoscaler_to_v1(bare.as_object());
  EXPECT_EQ(bare.at("spec"), parsed(R"({"targetCPUUtilizationPercentage":7})"));
  EXPECT_EQ(bare.at("status"), parsed("{}"));
  EXPECT_EQ(annotation(bare, "metrics"), R"([{"type":"Pods","pods":{"metricName":"p"}}])");
  EXPECT_EQ(annotation(bare, "conditions"), R"([{"type":"A"}])");
  autoscaler_to_v2(bare.as_object());
  EXPECT_EQ(bare.at("status"), parsed(R"({"conditions":[{"type":"A"}]})"));
  EXPECT_EQ(bare.at("spec").at("metrics").as_array().size(), 2U);
}

TEST(Autoscaler, V1IsJudgedAsWhatIsStored) {
  const auto wrong = annotated("metrics", R"([{"type":"Pods","pods":{"metricName":""}}])");
  EXPECT_THAT(lines(validate(v1(), scaler(v1(), wrong))),
              ElementsAre("spec.metrics[0].pods.metric.name: Required value: must specify a metric name",
                          "spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target "
                          "averageValue"));
  EXPECT_THAT(on_update(v1(), wrong, wrong), IsEmpty()) << "unchanged";
  EXPECT_THAT(on_update(v1(), "{}", R"({"spec":{"targetCPUUtilizationPercentage":0}})"),
              ElementsAre("spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than "
                          "0"));
  EXPECT_THAT(on_update(v1(), "{}", R"({"status":{"desiredReplicas":-2}})"),
              ElementsAre("status.desiredReplicas: Invalid value: -2: must be greater than or equal to 0"));
}

TEST(Autoscaler, V2HasNoAnnotationsOfV1) {
  const Json stored = scaler(v2(), annotated("conditions", "[]"));
  EXPECT_FALSE(stored.at("metadata").as_object().contains("annotations"));
  EXPECT_EQ(annotation(to_v1(stored), "conditions"), "");
}

TEST(Autoscaler, TheTableShowsEachTarget) {
  const auto cells = [](const Kind& kind, const Json& value) {
    return schema::table_row_json(kind, value, "{}", schema::IncludeObject::kNone, 0);
  };
  const auto row = [](const std::string& targets, const std::string& rest) {
    return R"({"cells":["a","Deployment/web",")" + targets + "\"," + rest + R"(,"\u003cunknown\u003e"],"object":null})";
  };
  const std::string unknown = R"(\u003cunknown\u003e)";
  for (const auto* kind : {&v1(), &v2()}) {
    EXPECT_EQ(cells(*kind, scaler(*kind, "{}")), row("cpu: " + unknown + "/80%", R"("1",5,0)"));
  }
  const Json full = scaler(v2(), kFull);
  const auto shown = row("3/3 (avg), " + unknown + "/100m + 6 more...", R"("2",5,4)");
  EXPECT_EQ(cells(v2(), full), shown);
  EXPECT_EQ(cells(v1(), to_v1(full)), shown);
  const auto one = [&](size_t spec, size_t status) {
    Json value = full;
    auto& metrics = value.at("spec").at("metrics").as_array();
    auto& current = value.at("status").at("currentMetrics").as_array();
    metrics = JsonArray{Json(metrics[spec])};
    current = JsonArray{Json(current[status])};
    return cells(v2(), value);
  };
  EXPECT_EQ(one(2, 1), row("1500/2k", R"("2",5,4)"));
  EXPECT_EQ(one(3, 1), row("memory: " + unknown + "/1Gi", R"("2",5,4)"));
  EXPECT_EQ(one(4, 2), row("cpu: 40%/50%", R"("2",5,4)"));
  EXPECT_EQ(one(5, 3), row("7/7", R"("2",5,4)"));
  EXPECT_EQ(one(6, 3), row(unknown + "/8 (avg)", R"("2",5,4)"));
  EXPECT_EQ(one(7, 4), row("cpu: 30%/60%", R"("2",5,4)"));
  EXPECT_EQ(cells(v2(), parsed("{}")),
            R"({"cells":["","/","\u003cnone\u003e","\u003cunset\u003e",0,0,"\u003cunknown\u003e"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::autoscaling_horizontal_pod_autoscaler_v1_test
