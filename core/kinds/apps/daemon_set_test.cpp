// DaemonSets: defaults, rules, the generation of their template, table.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::apps_daemon_set_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kSet = R"({"metadata":{"name":"d","namespace":"default"},"spec":{
  "selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i:1"}]}}}})";

const Kind& sets() { return kind("apps", "DaemonSet"); }
Json daemon_set(std::string_view patch) { return made(sets(), kSet, patch); }
Problems of_new(std::string_view patch) { return lines(validate(sets(), daemon_set(patch))); }
Problems of_update(std::string_view next, std::string_view before = "{}") {
  const Json old = daemon_set(before);
  return lines(validate(sets(), daemon_set(next), &old));
}

TEST(DaemonSet, Defaults) {
  EXPECT_EQ(
      schema::encode_json(*sets().message, daemon_set("{}")),
      R"({"metadata":{"name":"d","namespace":"default"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},)"
      R"("spec":{"containers":[{"name":"c","image":"i:1","resources":{},"terminationMessagePath":"/dev/termination-log",)"
      R"("imagePullPolicy":"IfNotPresent","terminationMessagePolicy":"File"}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,)"
      R"("dnsPolicy":"ClusterFirst","securityContext":{},"schedulerName":"default-scheduler"}},)"
      R"("updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":1,"maxSurge":0}},"revisionHistoryLimit":10},)"
      R"("status":{"currentNumberScheduled":0,"numberMisscheduled":0,"desiredNumberScheduled":0,"numberReady":0}})");
  EXPECT_EQ(daemon_set(R"({"spec":{"updateStrategy":{"type":"OnDelete"}}})").at("spec").at("updateStrategy"),
            parsed(R"({"type":"OnDelete"})"));
}

TEST(DaemonSet, HasATemplateThatItSelects) {
  EXPECT_THAT(of_new("{}"), IsEmpty());
  EXPECT_THAT(of_new(R"({"spec":{"selector":null}})"), ElementsAre("spec.selector: Required value"));
  EXPECT_THAT(of_new(R"({"spec":{"selector":{"matchLabels":null}}})"),
              ElementsAre("spec.selector: Invalid value: {}: empty selector is invalid for daemonset"));
  EXPECT_THAT(of_new(R"({"spec":{"selector":{"matchLabels":{"a":"c"}}}})"),
              ElementsAre("spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match "
                          "template `labels`"));
  EXPECT_THAT(
      of_new(R"({"spec":{"template":{"spec":{"restartPolicy":"Never","activeDeadlineSeconds":5}}}})"),
      ElementsAre("spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"",
                  "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not "
                  "Supported"));
  EXPECT_THAT(of_new(R"({"spec":{"minReadySeconds":-1,"revisionHistoryLimit":-1}})"),
              ElementsAre("spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
                          "spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0"));
  EXPECT_THAT(
      of_update(R"({"spec":{"selector":{"matchLabels":{"x":"y"}},"template":{"metadata":{"labels":{"x":"y"}}}}})"),
      ElementsAre(HasSubstr("spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\",\"x\":\"y\"}}: field is "
                            "immutable")));
}

TEST(DaemonSet, ReplacesPodsOneWay) {
  const auto rolling = [](std::string_view unavailable, std::string_view surge) {
    return of_new(R"({"spec":{"updateStrategy":{"rollingUpdate":{"maxUnavailable":)" + std::string(unavailable) +
                  R"(,"maxSurge":)" + std::string(surge) + "}}}}");
  };
  EXPECT_THAT(rolling("0", "\"10%\""), IsEmpty());
  EXPECT_THAT(rolling("1", "1"), ElementsAre("spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not "
                                             "be set when maxUnavailable is non-zero"));
  EXPECT_THAT(rolling("\"0%\"", "0"), ElementsAre("spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: "
                                                  "cannot be 0 when maxSurge is 0"));
  EXPECT_THAT(rolling("0", "\"101%\""), ElementsAre("spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: "
                                                    "\"101%\": must not be greater than 100%"));
  EXPECT_THAT(of_new(R"({"spec":{"updateStrategy":{"type":"Recreate"}}})"),
              ElementsAre("spec.updateStrategy: Unsupported value: \"Recreate\": supported values: \"RollingUpdate\", "
                          "\"OnDelete\""));
}

TEST(DaemonSet, CountsOfAStatusFit) {
  EXPECT_THAT(of_update(R"({"status":{"numberReady":3,"collisionCount":2}})", R"({"status":{"collisionCount":2}})"),
              IsEmpty());
  EXPECT_THAT(of_update(R"({"status":{"numberReady":-3,"collisionCount":1}})", R"({"status":{"collisionCount":2}})"),
              ElementsAre("status.numberReady: Invalid value: -3: must be greater than or equal to 0",
                          "status.collisionCount: Invalid value: 1: cannot be decremented"));
}

TEST(DaemonSet, ItsTemplateIsCounted) {
  constexpr const char* kKey = "deprecated.daemonset.template.generation";
  const auto generation = [&](const Json& set) { return set.at("metadata").at("annotations").at(kKey).as_string(); };
  Json set = daemon_set("{}");
  sets().behavior->create(set.as_object());
  EXPECT_EQ(generation(set), "1");
  Json scaled = daemon_set(R"({"spec":{"minReadySeconds":5}})");
  sets().behavior->update(scaled.as_object(), set.as_object());
  EXPECT_EQ(generation(scaled), "1");
  Json changed = daemon_set(R"({"spec":{"template":{"metadata":{"labels":{"c":"d"}}}}})");
  sets().behavior->update(changed.as_object(), scaled.as_object());
  EXPECT_EQ(generation(changed), "2");
  Json bare = daemon_set(
      R"({"spec":{"template":{"metadata":{"labels":{"c":"d"}},"spec":{"securityContext":{},"volumes":null}}}})");
  sets().behavior->update(bare.as_object(), changed.as_object());
  bare.at("spec").at("template").at("spec").as_object().erase("securityContext");
  sets().behavior->update(bare.as_object(), changed.as_object());
  EXPECT_EQ(generation(bare), "2") << "without a struct that has nothing in it";
  for (const auto& [given, kept] : {std::pair{"7", "7"}, {"0", "1"}, {"x", "1"}}) {
    Json other = daemon_set(R"({"metadata":{"annotations":{")" + std::string(kKey) + R"(":")" + given + "\"}}}");
    sets().behavior->create(other.as_object());
    EXPECT_EQ(generation(other), kept) << given;
  }
}

TEST(DaemonSet, ATableShowsNodes) {
  const Json set = daemon_set(R"({"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}},"status":{
    "desiredNumberScheduled":5,"currentNumberScheduled":4,"numberReady":3,"updatedNumberScheduled":2,"numberAvailable":1}})");
  EXPECT_EQ(table_row_json(sets(), set, "{}", schema::IncludeObject::kNone, 0),
            R"({"cells":["d",5,4,3,2,1,"disk=ssd","\u003cunknown\u003e","c","i:1","a=b"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::apps_daemon_set_test
