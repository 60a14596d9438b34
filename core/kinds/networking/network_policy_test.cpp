// NetworkPolicies: defaults, rules and table.
#include "core/kinds/cases_testing.hpp"

namespace gantry::kinds::networking_network_policy_test {
namespace {

const Kind& policies() { return kind("networking.k8s.io", "NetworkPolicy"); }

constexpr std::string_view kGood = R"({"metadata":{"name":"p","namespace":"default"},"spec":{"podSelector":{}}})";

std::string in(const std::string& rule) { return R"({"spec":{"ingress":[)" + rule + "]}}"; }
std::string port(const std::string& port) { return in(R"({"ports":[)" + port + "]}"); }
std::string out(const std::string& peer) { return R"({"spec":{"egress":[{"to":[)" + peer + "]}]}}"; }
std::string block(const std::string& block) { return out(R"({"ipBlock":)" + block + "}"); }

TEST(NetworkPolicy, RulesTheDirectionsThatItSpeaksOf) {
  EXPECT_EQ(answered(policies(), kGood, port(R"({"port":80})")),
            R"({"metadata":{"name":"p","namespace":"default"},"spec":{"podSelector":{},"ingress":[{"ports":[)"
            R"({"protocol":"TCP","port":80}]}],"policyTypes":["Ingress"]}})");
  const auto types = [](std::string_view patch) {
    return boost::json::serialize(made(policies(), kGood, patch).at("spec").at("policyTypes"));
  };
  EXPECT_EQ(types(R"({"spec":{"egress":[{}]}})"), R"(["Ingress","Egress"])");
  EXPECT_EQ(types(R"({"spec":{"egress":[],"policyTypes":[]}})"), R"(["Ingress"])");
  EXPECT_EQ(types(R"({"spec":{"egress":[{}],"policyTypes":["Egress"]}})"), R"(["Egress"])");
  expect_problems(
      policies(), kGood,
      {{R"({"spec":{"policyTypes":["Both"]}})",
        {R"(spec.policyTypes[0]: Unsupported value: "Both": supported values: "Ingress", "Egress")"}},
       {R"({"spec":{"policyTypes":["Ingress","Egress","Ingress"]}})",
        {R"(spec.policyTypes: Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes)"}},
       {R"({"spec":{"podSelector":{"matchLabels":{"a b":"c"}}}})",
        {R"(spec.podSelector.matchLabels: Invalid value: "a b"...)"}}});
}

TEST(NetworkPolicy, Ports) {
  const std::string at = "spec.ingress[0].ports[0].";
  expect_problems(
      policies(), kGood,
      {{port(R"({"protocol":"ICMP"})"),
        {at + R"(protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP")"}},
       {port(R"({"port":0})"), {at + "port: Invalid value: 0: must be between 1 and 65535, inclusive"}},
       {port(R"({"port":"A"})"),
        {at + R"(port: Invalid value: "A": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-))",
         at + R"(port: Invalid value: "A": must contain at least one letter (a-z))"}},
       {port(R"({"port":80,"endPort":90})"), {}},
       {port(R"({"port":80,"endPort":79})"),
        {at + "endPort: Invalid value: 79: must be greater than or equal to `port`"}},
       {port(R"({"port":80,"endPort":65536})"),
        {at + "endPort: Invalid value: 65536: must be between 1 and 65535, inclusive"}},
       {port(R"({"port":"web","endPort":90})"),
        {at + "endPort: Invalid value: 90: may not be specified when `port` is non-numeric"}},
       {port(R"({"endPort":90})"),
        {at + "endPort: Invalid value: 90: may not be specified when `port` is not specified"}}});
}

TEST(NetworkPolicy, Peers) {
  const std::string at = "spec.egress[0].to[0]";
  expect_problems(
      policies(), kGood,
      {{out("{}"), {at + ": Required value: must specify a peer"}},
       {out(R"({"podSelector":{},"namespaceSelector":{}})"), {}},
       {out(R"({"podSelector":{},"ipBlock":{"cidr":"10.0.0.0/8"}})"),
        {at + ": Forbidden: may not specify both ipBlock and another peer"}},
       {out(R"({"namespaceSelector":{"matchExpressions":[{"key":"a","operator":"In"}]}})"),
        {at + ".namespaceSelector.matchExpressions[0].values: Required value: must be specified when `operator` is "
              "'In' or 'NotIn'"}},
       {in(R"({"from":[{}]})"), {"spec.ingress[0].from[0]: Required value: must specify a peer"}},
       {block("{}"), {at + ".ipBlock.cidr: Required value"}},
       {block(R"({"cidr":"10.0.0.0"})"),
        {at + R"(.ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value...)"}},
       {block(R"({"cidr":"10.0.0.1/8"})"),
        {at + R"(.ipBlock.cidr: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length)"}},
       {block(R"({"cidr":"FD00::/8","except":["fd01::/16"]})"), {}}});
}

TEST(NetworkPolicy, RangesThatWereThereMayStay) {
  const Json old = made(policies(), kGood, block(R"({"cidr":"10.0.0.1/8","except":["10.1.0.1/16"]})"));
  const auto now = [&](std::string_view patch) {
    return lines(validate(policies(), made(policies(), kGood, patch), &old));
  };
  EXPECT_THAT(now(in(R"({"from":[{"ipBlock":{"cidr":"10.1.0.1/16"}},{"ipBlock":{"cidr":"10.0.0.1/8"}}]})")),
              ::testing::IsEmpty());
  EXPECT_THAT(now(block(R"({"cidr":"10.0.0.1/8","except":["10.2.0.1/16"]})")),
              ::testing::ElementsAre("spec.egress[0].to[0].ipBlock.except[0]: Invalid value: \"10.2.0.1/16\": must not "
                                     "have bits set beyond the prefix length"));
}

TEST(NetworkPolicy, ExceptionsAreWithinTheBlock) {
  const std::string at = "spec.egress[0].to[0].ipBlock.except[0]: Invalid value: ";
  const auto except = [](const std::string& range) {
    return block(R"({"cidr":"10.0.0.0/8","except":[")" + range + R"("]})");
  };
  const auto wide = [&](const std::string& range) {
    return Case{except(range), {at + "\"" + range + "\": must be a strict subset of `cidr`"}};
  };
  expect_problems(policies(), kGood,
                  {{except("10.1.0.0/16"), {}},
                   wide("10.0.0.0/8"),
                   wide("11.0.0.0/16"),
                   wide("0.0.0.0/0"),
                   wide("fd00::/16"),
                   {except("x"), {at + R"("x": must be a valid CIDR value...)"}}});
}

TEST(NetworkPolicy, ATableShowsTheSelector) {
  EXPECT_EQ(cells(policies(), kGood), R"(["p","<none>"])");
  EXPECT_EQ(cells(policies(), kGood,
                  R"({"spec":{"podSelector":{"matchLabels":{"b":"c"},"matchExpressions":[{"key":"a","operator":"In",
                      "values":["y","x"]}]}}})"),
            R"(["p","a in (x,y),b=c"])");
}

}  // namespace
}  // namespace gantry::kinds::networking_network_policy_test
