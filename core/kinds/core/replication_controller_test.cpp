// ReplicationControllers: labels from the template, a selector that fits it, counts, and the table.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::core_replication_controller_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kController = R"({"metadata":{"name":"c","namespace":"default"},"spec":{
    "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"x","image":"i:1"}]}}}})";

const Kind& controllers() { return kind("", "ReplicationController"); }
Json controller(std::string_view patch) { return made(controllers(), kController, patch); }
Problems of_new(std::string_view spec) {
  return lines(validate(controllers(), controller(R"({"spec":)" + std::string(spec) + "}")));
}

TEST(ReplicationController, HasUpstreamsDefaults) {
  EXPECT_EQ(
      schema::encode_json(*controllers().message, controller("{}")),
      R"({"metadata":{"name":"c","namespace":"default",)"
      R"("labels":{"a":"b"}},"spec":{"replicas":1,"selector":{"a":"b"},"template":{"metadata":{"labels":{"a":"b"}},)"
      R"("spec":{"containers":[{"name":"x","image":"i:1","resources":{},)"
      R"("terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent",)"
      R"("terminationMessagePolicy":"File"}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,)"
      R"("dnsPolicy":"ClusterFirst","securityContext":{},"schedulerName":"default-scheduler"}}},)"
      R"("status":{"replicas":0}})");
  const Json own = controller(R"({"metadata":{"labels":{"x":"y"}},"spec":{"selector":{"a":"b"},"replicas":0}})");
  EXPECT_EQ(own.at("metadata").at("labels"), parsed(R"({"x":"y"})"));
  EXPECT_EQ(own.at("spec").at("replicas"), 0);
}

TEST(ReplicationController, HasATemplateThatItSelects) {
  EXPECT_THAT(of_new("{}"), IsEmpty());
  EXPECT_THAT(of_new(R"({"template":null})"),
              ElementsAre("spec.selector: Required value", "spec.template: Required value"));
  EXPECT_THAT(of_new(R"({"template":{"metadata":{"labels":null}}})"), ElementsAre("spec.selector: Required value"));
  EXPECT_THAT(of_new(R"({"selector":{"a":"c"}})"),
              ElementsAre("spec.template.metadata.labels: Invalid value: {\"a\":\"b\"}: `selector` does not match "
                          "template `labels`"));
  EXPECT_THAT(of_new(R"({"replicas":-1,"minReadySeconds":-1})"),
              ElementsAre("spec.replicas: Invalid value: -1: must be greater than or equal to 0",
                          "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"));
  EXPECT_THAT(of_new(R"({"template":{"spec":{"restartPolicy":"Never"}}})"),
              ElementsAre("spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: "
                          "\"Always\""));
  EXPECT_THAT(of_new(R"({"template":{"spec":{"activeDeadlineSeconds":5}}})"),
              ElementsAre("spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in "
                          "ReplicationController is not Supported"));
  EXPECT_THAT(of_new(R"({"template":{"spec":{"containers":[{"name":"c"}]}}})"),
              ElementsAre("spec.template.spec.containers[0].image: Required value"));
}

TEST(ReplicationController, ItsSelectorMayChange) {
  const Json old = controller("{}");
  const Json next = controller(R"({"spec":{"selector":{"x":"y"},"template":{"metadata":{"labels":{"x":"y"}}}}})");
  EXPECT_THAT(lines(validate(controllers(), next, &old)), IsEmpty());
}

TEST(ReplicationController, CountsFitEachOther) {
  const Json old = controller("{}");
  const auto on_status = [&](std::string_view status) {
    return lines(validate(controllers(), controller(R"({"status":)" + std::string(status) + "}"), &old));
  };
  EXPECT_THAT(on_status(R"({"replicas":3,"readyReplicas":2,"availableReplicas":1,"fullyLabeledReplicas":3})"),
              IsEmpty());
  EXPECT_THAT(on_status(R"({"replicas":-1})"),
              ElementsAre("status.replicas: Invalid value: -1: must be greater than or equal to 0",
                          HasSubstr("status.fullyLabeledReplicas"), HasSubstr("status.readyReplicas"),
                          HasSubstr("status.availableReplicas")));
  EXPECT_THAT(on_status(R"({"replicas":1,"readyReplicas":2})"),
              ElementsAre("status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas"));
  EXPECT_THAT(on_status(R"({"replicas":3,"readyReplicas":1,"availableReplicas":2})"),
              ElementsAre("status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas"));
}

TEST(ReplicationController, ATableShowsItsPods) {
  EXPECT_EQ(
      table_row_json(controllers(), controller(R"({"spec":{"replicas":3},"status":{"replicas":2,"readyReplicas":1}})"),
                     "{}", schema::IncludeObject::kNone, 0),
      R"({"cells":["c",3,2,1,"\u003cunknown\u003e","x","i:1","a=b"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::core_replication_controller_test
