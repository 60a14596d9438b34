// CSIDrivers, CSINodes, CSIStorageCapacities: defaults, rules and tables.
#include "core/kinds/cases_testing.hpp"

namespace gantry::kinds::storage_csi_test {
namespace {

const Kind& drivers() { return kind("storage.k8s.io", "CSIDriver"); }
const Kind& nodes() { return kind("storage.k8s.io", "CSINode"); }
const Kind& capacities() { return kind("storage.k8s.io", "CSIStorageCapacity"); }

constexpr std::string_view kDriver = R"({"metadata":{"name":"csi.acme.io"}})";
constexpr std::string_view kNode = R"({"metadata":{"name":"n"},"spec":{"drivers":[{"name":"csi.acme.io","nodeID":"1",
  "topologyKeys":["acme.io/zone"],"allocatable":{"count":3}}]}})";
constexpr std::string_view kCapacity = R"({"metadata":{"name":"c","namespace":"default"},"storageClassName":"s",
  "nodeTopology":{"matchLabels":{"zone":"a"}},"capacity":"10Gi"})";

std::string spec(const std::string& fields) { return R"({"spec":{)" + fields + "}}"; }
std::string token(const std::string& token) { return spec(R"("tokenRequests":[)" + token + "]"); }
std::string driver(const std::string& fields) {
  return spec(R"("drivers":[{"name":"csi.acme.io","nodeID":"1",)" + fields + "}]");
}

TEST(CSIDriver, Defaults) {
  EXPECT_EQ(answered(drivers(), kDriver),
            R"({"metadata":{"name":"csi.acme.io"},"spec":{"attachRequired":true,"podInfoOnMount":false,)"
            R"("volumeLifecycleModes":["Persistent"],"storageCapacity":false,)"
            R"("fsGroupPolicy":"ReadWriteOnceWithFSType","requiresRepublish":false,"seLinuxMount":false}})");
}

TEST(CSIDriver, Rules) {
  expect_problems(
      drivers(), kDriver,
      {{spec(R"("volumeLifecycleModes":["Ephemeral","Persistent","Ephemeral"])"), {}},
       {spec(R"("volumeLifecycleModes":["Some"])"),
        {R"(spec.volumeLifecycleModes[0]: Unsupported value: "Some": supported values: "Persistent", "Ephemeral")"}},
       {spec(R"("fsGroupPolicy":"All")"),
        {R"(spec.fsGroupPolicy: Unsupported value: "All": supported values: "File", "None", "ReadWriteOnceWithFSType")"}},
       {spec(R"("nodeAllocatableUpdatePeriodSeconds":9)"),
        {"spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds"}},
       {spec(R"("nodeAllocatableUpdatePeriodSeconds":10)"), {}},
       {token(R"({"audience":"a","expirationSeconds":600},{"audience":"","expirationSeconds":4294967296})"), {}},
       {token(R"({"audience":"a"},{"audience":"a"})"), {R"(spec.tokenRequests[1].audience: Duplicate value: "a")"}},
       {token(R"({"expirationSeconds":599})"),
        {"spec.tokenRequests[0].expirationSeconds: Invalid value: 599: may not specify a duration less than 10 "
         "minutes"}},
       {token(R"({"expirationSeconds":4294967297})"),
        {"spec.tokenRequests[0].expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than "
         "2^32 seconds"}}});
  expect_update_problems(drivers(), kDriver,
                         {{spec(R"("podInfoOnMount":true,"storageCapacity":true,"fsGroupPolicy":"None")"), {}},
                          {spec(R"("attachRequired":false,"volumeLifecycleModes":["Ephemeral"])"),
                           {"spec.attachedRequired: Invalid value: false: field is immutable",
                            R"(spec.volumeLifecycleModes: Invalid value: ["Ephemeral"]: field is immutable)"}}});
  EXPECT_FALSE(drivers().behavior->unconditional_update);
}

TEST(CSIDriver, IsNamedAsDriversAre) {
  const std::string longest(63, 'a');
  expect_problems(
      drivers(), kDriver,
      {{R"({"metadata":{"name":")" + longest + "\"}}", {}},
       {R"({"metadata":{"name":")" + longest + "a\"}}", {"name: Too long: may not be more than 63 bytes"}}});
}

TEST(CSIDriver, ATableShowsWhatItWants) {
  EXPECT_EQ(cells(drivers(), kDriver), R"(["csi.acme.io",true,false,false,"<unset>",false,"Persistent"])");
  EXPECT_EQ(cells(drivers(), kDriver,
                  spec(R"("attachRequired":false,"podInfoOnMount":true,"storageCapacity":true,"requiresRepublish":true,
                       "volumeLifecycleModes":["Persistent","Ephemeral"],
                       "tokenRequests":[{"audience":"a"},{"audience":""}])")),
            R"(["csi.acme.io",false,true,true,"a,",true,"Persistent,Ephemeral"])");
}

TEST(CSINode, Rules) {
  const std::string at = "spec.drivers[0]";
  expect_problems(
      nodes(), kNode,
      {{spec(R"("drivers":[])"), {}},
       {spec(R"("drivers":[{}])"),
        {at + ".nodeID: Required value", at + ".name: Required value",
         at + R"(.name: Invalid value: "": a lowercase...)"}},
       {spec(R"("drivers":[{"name":"CSI.Acme","nodeID":"1"},{"name":"b","nodeID":"1"},{"name":"b","nodeID":"2"}])"),
        {R"(spec.drivers[2].name: Duplicate value: "b")"}},
       {spec(R"("drivers":[{"name":")" + std::string(64, 'a') + R"(","nodeID":"1"}])"),
        {at + ".name: Too long: may not be more than 63 bytes"}},
       {spec(R"("drivers":[{"name":"a_b","nodeID":")" + std::string(256, 'n') + R"("}])"),
        {at + R"(.name: Invalid value: "a_b": a lowercase RFC 1123 subdomain...)"}},
       {spec(R"("drivers":[{"name":"a","nodeID":")" + std::string(257, 'n') + R"("}])"),
        {at + R"(.nodeID: Invalid value: "nnn...)"}},
       {driver(R"("allocatable":{"count":-1})"),
        {at + ".allocatable.count: Invalid value: -1: must be greater than or equal to 0"}},
       {driver(R"("topologyKeys":["a","a","b c",""])"),
        {at + R"(: Duplicate value: "a")", at + R"(: Invalid value: "b c": name part must consist...)",
         at + ": Required value", at + R"(: Invalid value: "": name part must be non-empty)",
         at + R"(: Invalid value: "": name part must consist...)"}}});
}

TEST(CSINode, DriversStayAsTheyCame) {
  expect_update_problems(nodes(), kNode,
                         {{driver(R"("topologyKeys":["acme.io/zone"],"allocatable":{"count":9})"), {}},
                          {spec(R"("drivers":[{"name":"other","nodeID":"2"}])"), {}},
                          {driver(R"("topologyKeys":[])"),
                           {R"(spec.drivers: Invalid value: {"name":"csi.acme.io","nodeID":"1"}: field is immutable)"}},
                          {spec(R"("drivers":[{"name":"csi.acme.io","nodeID":"2","topologyKeys":["acme.io/zone"]}])"),
                           {"spec.drivers: Invalid value: {..."}}});
  EXPECT_EQ(cells(nodes(), kNode), R"(["n",1])");
  EXPECT_EQ(answered(nodes(), R"({"metadata":{"name":"n"}})"), R"({"metadata":{"name":"n"},"spec":{"drivers":null}})");
  EXPECT_FALSE(nodes().generation);
}

TEST(CSIStorageCapacity, Rules) {
  EXPECT_EQ(answered(capacities(), kCapacity),
            R"({"metadata":{"name":"c","namespace":"default"},"nodeTopology":{"matchLabels":{"zone":"a"}},)"
            R"("storageClassName":"s","capacity":"10Gi"})");
  expect_problems(capacities(), kCapacity,
                  {{R"({"storageClassName":null})", {R"(storageClassName: Invalid value: "": a lowercase...)"}},
                   {R"({"storageClassName":"S"})", {R"(storageClassName: Invalid value: "S": a lowercase...)"}},
                   {R"({"capacity":"-1"})", {R"(capacity: Invalid value: "-1": must be greater than or equal to 0)"}},
                   {R"({"nodeTopology":{"matchLabels":{"zone":"b c"}}})",
                    {R"(nodeTopology.matchLabels: Invalid value: "b c": a valid label...)"}},
                   {R"({"nodeTopology":null,"capacity":null})", {}}});
  expect_update_problems(capacities(), kCapacity,
                         {{R"({"capacity":"1Gi","maximumVolumeSize":"1Gi"})", {}},
                          {R"({"nodeTopology":{"matchLabels":{"zone":"b"}},"storageClassName":"t"})",
                           {R"(nodeTopology: Invalid value: {"matchLabels":{"zone":"b"}}: field is immutable)",
                            R"(storageClassName: Invalid value: "t": field is immutable)"}},
                          {R"({"nodeTopology":null})", {"nodeTopology: Invalid value: null: field is immutable"}}});
  EXPECT_EQ(cells(capacities(), kCapacity), R"(["c","s","10Gi"])");
  EXPECT_EQ(cells(capacities(), kCapacity, R"({"capacity":null})"), R"(["c","s","<unset>"])");
}

}  // namespace
}  // namespace gantry::kinds::storage_csi_test
