#include "core/network/services/assignment.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace gantry::network {
namespace {

using schema::Json;

struct Assigned : testing::Test {
  explicit Assigned(const std::vector<std::string>& addresses = {"10.96.0.0/24"})
      : numbers(
            *ServiceRanges::parse(addresses, "30000-30009"), [] { return uint64_t{0}; },
            [](const std::string&, int64_t) { return true; }) {}

  // The spec after it, or what is wrong; `old` "": a create.
  std::string assign(const std::string& text, const std::string& old = "", bool dry_run = false) {
    Json spec = boost::json::parse(text);
    const Json before = old.empty() ? Json() : boost::json::parse(old);
    Assignment assignment(numbers, spec.as_object(), before.if_object(), dry_run);
    const auto status = assignment.run();
    if (!status.ok()) return status.message();
    const auto causes = assignment.errors().take();
    if (causes.empty()) return boost::json::serialize(spec);
    std::string out;
    for (const auto& cause : causes) out += (out.empty() ? "" : "; ") + cause.field + ": " + cause.message;
    return out;
  }

  ServiceNumbers numbers;
};
struct AssignedDual : Assigned {
  AssignedDual() : Assigned({"10.96.0.0/24", "fd00::/120"}) {}
};

TEST_F(Assigned, AServiceHasAnAddressOfTheDefaultFamily) {
  EXPECT_EQ(assign(R"({"type":"ClusterIP"})"),
            R"({"type":"ClusterIP","ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"],"clusterIPs":["10.96.0.17"],)"
            R"("clusterIP":"10.96.0.17"})");
  EXPECT_EQ(assign(R"({"type":"ClusterIP","clusterIP":"10.96.0.5","clusterIPs":["10.96.0.5"]})"),
            R"({"type":"ClusterIP","clusterIP":"10.96.0.5","clusterIPs":["10.96.0.5"],"ipFamilyPolicy":"SingleStack",)"
            R"("ipFamilies":["IPv4"]})");
  EXPECT_EQ(numbers.taken(0), 2u);
}

TEST_F(Assigned, NoneForNamesAndHeadlessOnes) {
  EXPECT_EQ(assign(R"({"type":"ExternalName"})"), R"({"type":"ExternalName"})");
  EXPECT_EQ(assign(R"({"type":"ClusterIP","selector":{"a":"b"},"clusterIP":"None","clusterIPs":["None"]})"),
            R"({"type":"ClusterIP","selector":{"a":"b"},"clusterIP":"None","clusterIPs":["None"],)"
            R"("ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"]})");
  // Without a selector one may name addresses of both families, whatever the cluster has.
  EXPECT_EQ(assign(R"({"type":"ClusterIP","clusterIP":"None","clusterIPs":["None"]})"),
            R"({"type":"ClusterIP","clusterIP":"None","clusterIPs":["None"],"ipFamilyPolicy":"RequireDualStack",)"
            R"("ipFamilies":["IPv4","IPv6"]})");
  EXPECT_EQ(numbers.taken(0), 0u);
}

TEST_F(Assigned, SaysWhyAnAddressCannotBeHad) {
  ASSERT_TRUE(numbers.reserve(numbers.claim_of(*Address::parse("10.96.0.5"))));
  const auto asks = [&](const std::string& ip) {
    return assign(R"({"type":"ClusterIP","clusterIP":")" + ip + R"(","clusterIPs":[")" + ip + R"("]})");
  };
  EXPECT_EQ(asks("10.96.0.5"),
            R"(spec.clusterIPs: Invalid value: ["10.96.0.5"]: failed to allocate IP 10.96.0.5: provided IP is already )"
            "allocated");
  for (const std::string ip : {"1.1.1.1", "10.96.0.0", "10.96.0.255"}) {
    EXPECT_EQ(asks(ip), "spec.clusterIPs: Invalid value: [\"" + ip + "\"]: failed to allocate IP " + ip +
                            ": the provided network does not match the current range");
  }
  EXPECT_EQ(
      assign(R"({"type":"ClusterIP","clusterIP":"1.1.1.1","clusterIPs":["1.1.1.1"]})", "", true),
      R"(spec.clusterIPs: Invalid value: ["1.1.1.1"]: failed to allocate IP 1.1.1.1: the provided IP (1.1.1.1) is )"
      "not in the valid range. The range of valid IPs is 10.96.0.0/24");
  // What is no good spelling is validation's to say.
  for (const std::string ip : {"010.96.0.5", "::ffff:10.96.0.5", "x"}) EXPECT_EQ(asks(ip).front(), '{') << ip;
  EXPECT_EQ(asks("fd00::1"),
            R"(spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster)");
  while (numbers.pick(false)) {
  }
  EXPECT_EQ(assign(R"({"type":"ClusterIP"})"),
            "Internal error occurred: failed to allocate a serviceIP: range is full");
}

TEST_F(Assigned, OneFamilyHasNoTwo) {
  EXPECT_EQ(assign(R"({"type":"ClusterIP","ipFamilyPolicy":"RequireDualStack"})"),
            R"(spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack )"
            "services");
  EXPECT_EQ(assign(R"({"type":"ClusterIP","ipFamilies":["IPv6"]})"),
            R"(spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster)");
  EXPECT_NE(assign(R"({"type":"ClusterIP","ipFamilyPolicy":"PreferDualStack"})").find(R"("ipFamilies":["IPv4"])"),
            std::string::npos);
}

TEST_F(AssignedDual, TwoFamiliesHaveTwoAddresses) {
  EXPECT_EQ(assign(R"({"type":"ClusterIP","ipFamilyPolicy":"PreferDualStack","ipFamilies":["IPv6"]})"),
            R"({"type":"ClusterIP","ipFamilyPolicy":"PreferDualStack","ipFamilies":["IPv6","IPv4"],)"
            R"("clusterIPs":["fd00::11","10.96.0.17"],"clusterIP":"fd00::11"})");
  EXPECT_EQ(
      assign(R"({"type":"ClusterIP","ipFamilies":["IPv4","IPv6"]})"),
      R"(spec.ipFamilyPolicy: Invalid value: "SingleStack": must be 'RequireDualStack' or 'PreferDualStack' when )"
      "multiple IP families are specified");
}

TEST_F(AssignedDual, ASecondFamilyComesAndGoesByThePolicy) {
  const std::string one =
      R"({"type":"ClusterIP","ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"],"clusterIPs":["10.96.0.5"],)"
      R"("clusterIP":"10.96.0.5"})";
  const std::string both = R"({"type":"ClusterIP","ipFamilyPolicy":"PreferDualStack","ipFamilies":["IPv4","IPv6"],)"
                           R"("clusterIPs":["10.96.0.5","fd00::11"],"clusterIP":"10.96.0.5"})";
  auto wants = one;
  wants.replace(wants.find("SingleStack"), 11, "PreferDualStack");
  EXPECT_EQ(assign(wants, one), both);
  auto leaves = both;
  leaves.replace(leaves.find("PreferDualStack"), 15, "SingleStack");
  EXPECT_EQ(assign(leaves, both), one);
  auto shorter = wants;
  EXPECT_EQ(
      assign(shorter, both),
      R"(spec.ipFamilyPolicy: Invalid value: "PreferDualStack": must be 'SingleStack' to release the secondary )"
      R"(cluster IP; spec.ipFamilyPolicy: Invalid value: "PreferDualStack": must be 'SingleStack' to release the )"
      "secondary IP family");
  EXPECT_EQ(assign(both, both), both);
}

TEST_F(Assigned, AnUpdateKeepsItsAddressAndOneThatWasANameGetsOne) {
  const std::string one =
      R"({"type":"ClusterIP","ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"],"clusterIPs":["10.96.0.5"],)"
      R"("clusterIP":"10.96.0.5"})";
  ASSERT_TRUE(numbers.reserve(numbers.claim_of(*Address::parse("10.96.0.5"))));
  EXPECT_EQ(assign(one, one), one);
  EXPECT_NE(assign(R"({"type":"ClusterIP"})", R"({"type":"ExternalName"})").find(R"("clusterIP":"10.96.0.17")"),
            std::string::npos);
}

TEST_F(Assigned, NodePortsAreGivenAskedForAndShared) {
  const std::string given = assign(R"({"type":"NodePort","ports":[{"port":53,"protocol":"TCP"},
    {"port":53,"protocol":"UDP"},{"port":80,"nodePort":30002},{"port":81}]})");
  EXPECT_NE(given.find(R"("ports":[{"port":53,"protocol":"TCP","nodePort":30000},)"
                       R"({"port":53,"protocol":"UDP","nodePort":30000},{"port":80,"nodePort":30002},)"
                       R"({"port":81,"nodePort":30001}])"),
            std::string::npos)
      << given;
  EXPECT_EQ(assign(R"({"type":"NodePort","ports":[{"port":80,"nodePort":30002}]})"),
            "spec.ports[0].nodePort: Invalid value: 30002: provided port is already allocated");
  EXPECT_EQ(assign(R"({"type":"NodePort","ports":[{"port":79},{"port":80,"nodePort":80}]})"),
            "spec.ports[1].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid "
            "ports is 30000-30009");
  while (numbers.pick_port()) {
  }
  EXPECT_EQ(assign(R"({"type":"NodePort","ports":[{"port":80}]})"),
            "Internal error occurred: failed to allocate a nodePort: range is full");
}

TEST_F(Assigned, ABalancerMayDoWithoutNodePorts) {
  const auto given = assign(R"({"type":"LoadBalancer","allocateLoadBalancerNodePorts":false,
    "ports":[{"port":80},{"port":81,"nodePort":30009}]})");
  EXPECT_NE(given.find(R"("ports":[{"port":80},{"port":81,"nodePort":30009}])"), std::string::npos) << given;
  EXPECT_EQ(numbers.taken(Claim::kPorts), 1u);
}

TEST_F(Assigned, AnUpdateKeepsItsPortsAndGetsNewOnes) {
  const std::string head =
      R"({"type":"NodePort","ipFamilyPolicy":"SingleStack","ipFamilies":["IPv4"],"clusterIPs":["10.96.0.5"],)"
      R"("clusterIP":"10.96.0.5","ports":[)";
  ASSERT_TRUE(numbers.reserve(*numbers.claim_of_port(30'004)));
  const std::string old = head + R"({"port":80,"nodePort":30004}]})";
  EXPECT_EQ(assign(head + R"({"port":80,"nodePort":30004},{"port":81}]})", old),
            head + R"({"port":80,"nodePort":30004},{"port":81,"nodePort":30000}]})");
  EXPECT_EQ(assign(head + R"({"port":80,"nodePort":30000}]})", old),
            "spec.ports[0].nodePort: Invalid value: 30000: provided port is already allocated");
}

TEST_F(Assigned, AHealthCheckHasAPort) {
  const std::string local = R"({"type":"LoadBalancer","externalTrafficPolicy":"Local"})";
  EXPECT_NE(assign(local).find(R"("healthCheckNodePort":30000)"), std::string::npos);
  EXPECT_EQ(assign(R"({"type":"LoadBalancer","externalTrafficPolicy":"Local","healthCheckNodePort":30000})"),
            "Internal error occurred: failed to allocate requested HealthCheck NodePort 30000: provided port is "
            "already allocated");
  EXPECT_EQ(assign(R"({"type":"LoadBalancer","externalTrafficPolicy":"Cluster"})").find("health"), std::string::npos);
}

TEST_F(Assigned, WhatIsMalformedIsLeftToValidation) {
  for (const std::string spec :
       {R"({"type":"ClusterIP","clusterIP":"x","clusterIPs":["x"]})", R"({"type":"ClusterIP","ipFamilies":["IPv5"]})",
        R"({"type":"ClusterIP","clusterIP":"10.96.0.5"})", R"({"type":"ClusterIP","clusterIPs":["10.96.0.5"]})",
        R"({"type":"ClusterIP","clusterIP":"10.96.0.5","clusterIPs":["10.96.0.5","10.96.0.6"]})",
        R"({"type":"ClusterIP","clusterIP":"None","clusterIPs":["None","10.96.0.6"]})",
        R"({"type":"ClusterIP","ipFamilies":["IPv4","IPv4"]})", R"({"type":"ClusterIP","clusterIPs":[1,2]})",
        R"({"type":"ClusterIP","clusterIP":"10.96.0.5","clusterIPs":["10.96.0.5"],"ipFamilies":["IPv6"]})"}) {
    EXPECT_EQ(assign(spec), spec);
  }
  EXPECT_EQ(numbers.taken(0), 0u);
}

}  // namespace
}  // namespace gantry::network
