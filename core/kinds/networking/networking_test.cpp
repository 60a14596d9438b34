// IngressClasses, IPAddresses, ServiceCIDRs: rules and tables.
#include "core/kinds/cases_testing.hpp"

namespace gantry::kinds::networking_test {
namespace {

const Kind& classes() { return kind("networking.k8s.io", "IngressClass"); }
const Kind& addresses() { return kind("networking.k8s.io", "IPAddress"); }
const Kind& ranges() { return kind("networking.k8s.io", "ServiceCIDR"); }

constexpr std::string_view kClass = R"({"metadata":{"name":"c"},"spec":{"controller":"acme.io/x",
  "parameters":{"kind":"Config","name":"p"}}})";
constexpr std::string_view kAddress = R"({"metadata":{"name":"10.0.0.1"},"spec":{"parentRef":{"resource":"services",
  "namespace":"default","name":"web"}}})";
constexpr std::string_view kRange = R"({"metadata":{"name":"r"},"spec":{"cidrs":["10.0.0.0/24"]}})";

std::string named(const std::string& name) { return R"({"metadata":{"name":")" + name + R"("}})"; }
std::string of(const std::string& cidrs) { return R"({"spec":{"cidrs":)" + cidrs + "}}"; }

TEST(IngressClass, HasAControllerThatStays) {
  EXPECT_EQ(answered(classes(), kClass), R"({"metadata":{"name":"c"},"spec":{"controller":"acme.io/x",)"
                                         R"("parameters":{"kind":"Config","name":"p","scope":"Cluster"}}})");
  const auto controller = [](const std::string& name) { return R"({"spec":{"controller":")" + name + R"("}})"; };
  const std::string shape = "must be a domain-prefixed path (such as \"acme.io/foo\")";
  expect_problems(
      classes(), kClass,
      {{R"({"spec":null})", {"spec.controller: Required value"}},
       {controller("x"), {"spec.controller: Invalid value: \"x\": " + shape}},
       {controller("/x"), {"spec.controller: Invalid value: \"/x\": " + shape}},
       {controller("x/"), {"spec.controller: Invalid value: \"x/\": " + shape}},
       {controller("A/b c"),
        {R"(spec.controller: Invalid value: "A": a lowercase...)",
         R"(spec.controller: Invalid value: "b c": Invalid path (regex used for validation is )"
         R"('[A-Za-z0-9/\-._~%!$&'()*+,;=:]+'))"}},
       {controller("a/" + std::string(248, 'b')), {}},
       {controller("a/" + std::string(249, 'b')), {"spec.controller: Too long: may not be more than 250 bytes"}}});
  expect_update_problems(
      classes(), kClass,
      {{controller("acme.io/y"), {R"(spec.controller: Invalid value: "acme.io/y": field is immutable)"}},
       {R"({"spec":{"parameters":null}})", {}}});
}

TEST(IngressClass, ParametersAreSomewhere) {
  const auto with = [](const std::string& patch) { return R"({"spec":{"parameters":{)" + patch + "}}}"; };
  const std::string at = "spec.parameters.";
  expect_problems(
      classes(), kClass,
      {{with(R"("kind":"","name":"")"), {at + "kind: Required value", at + "name: Required value"}},
       {with(R"("kind":"a/b","apiGroup":"")"),
        {at + R"(kind: Invalid value: "a/b": may not contain '/')",
         at + R"(apiGroup: Invalid value: "": a lowercase...)"}},
       {with(R"("scope":"World")"),
        {at + R"(scope: Unsupported value: "World": supported values: "Cluster", "Namespace")"}},
       {with(R"("namespace":"d")"), {at + "namespace: Forbidden: `parameters.scope` is set to 'Cluster'"}},
       {with(R"("scope":"Namespace")"), {at + "namespace: Required value: `parameters.scope` is set to 'Namespace'"}},
       {with(R"("scope":"Namespace","namespace":"D")"), {at + R"(namespace: Invalid value: "D": a lowercase...)"}},
       {with(R"("scope":"Namespace","namespace":"d")"), {}}});
  EXPECT_EQ(cells(classes(), kClass, with(R"("apiGroup":"a.b")")), R"(["c","acme.io/x","Config.a.b/p"])");
  EXPECT_EQ(cells(classes(), kClass), R"(["c","acme.io/x","Config/p"])");
  EXPECT_EQ(cells(classes(), kClass, R"({"spec":{"parameters":null}})"), R"(["c","acme.io/x","<none>"])");
}

TEST(IPAddress, IsNamedByTheAddress) {
  expect_problems(
      addresses(), kAddress,
      {{named("2001:db8::1"), {}},
       {named("::1:2"), {}},
       {named("2001:DB8::1"),
        {R"(metadata.name: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1"))"}},
       {named("2001:db8:0:0::1"),
        {R"(metadata.name: Invalid value: "2001:db8:0:0::1": must be in canonical form ("2001:db8::1"))"}},
       {named("010.0.0.1"), {R"(metadata.name: Invalid value: "010.0.0.1": must not have leading 0s)"}},
       {named("10.0.0.256"), {R"(metadata.name: Invalid value: "10.0.0.256": must be a valid IP address...)"}},
       {named("10.0.0"), {R"(metadata.name: Invalid value: "10.0.0": must be a valid IP address...)"}},
       {named("10.0.0.1.2"), {R"(metadata.name: Invalid value: "10.0.0.1.2": must be a valid IP address...)"}},
       {named("a"), {R"(metadata.name: Invalid value: "a": must be a valid IP address...)"}}});
}

TEST(IPAddress, HasAParentThatStays) {
  const auto parent = [](const std::string& patch) { return R"({"spec":{"parentRef":{)" + patch + "}}}"; };
  const std::string at = "spec.parentRef.";
  expect_problems(
      addresses(), kAddress,
      {{R"({"spec":null})", {"spec.parentRef: Required value"}},
       {parent(R"("resource":"","name":"")"), {at + "resource: Required value", at + "name: Required value"}},
       {parent(R"("group":"A","resource":"a/b","namespace":"..","name":".")"),
        {at + R"(resource: Invalid value: "a/b": may not contain '/')",
         at + R"(namespace: Invalid value: "..": may not be '..')", at + R"(name: Invalid value: ".": may not be '.')",
         at + R"(group: Invalid value: "A": a lowercase...)"}},
       {parent(R"("namespace":null)"), {}}});
  expect_update_problems(addresses(), kAddress,
                         {{parent(R"("name":"other")"), {"spec.parentRef: Invalid value: {..."}}});
  EXPECT_EQ(cells(addresses(), kAddress), R"(["10.0.0.1","services/default/web"])");
  EXPECT_EQ(cells(addresses(), kAddress, parent(R"("group":"a.b","namespace":null)")),
            R"(["10.0.0.1","services.a.b/web"])");
  EXPECT_EQ(cells(addresses(), kAddress, R"({"spec":null})"), R"(["10.0.0.1","<none>"])");
}

TEST(ServiceCIDR, HasARangeOfEachFamilyAtMost) {
  expect_problems(
      ranges(), kRange,
      {{R"({"spec":null})", {"spec.cidrs: Required value: at least one CIDR required"}},
       {of(R"(["10.0.0.0/24","2001:db8::/64"])"), {}},
       {of(R"(["10.0.0.0/24","10.0.1.0/24"])"),
        {R"(spec.cidrs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one IP for each IP )"
         "family, i.e 192.168.0.0/24 and 2001:db8::/64"}},
       {of(R"(["a","b","c"])"), {R"(spec.cidrs: Invalid value: ["a","b","c"]: may only hold up to 2 values)"}},
       {of(R"(["a"])"),
        {R"(spec.cidrs[0]: Invalid value: "a": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64))"}},
       {of(R"(["10.0.0.0/33"])"), {R"(spec.cidrs[0]: Invalid value: "10.0.0.0/33": must be a valid CIDR value...)"}},
       {of(R"(["10.0.0.0/024"])"),
        {R"(spec.cidrs[0]: Invalid value: "10.0.0.0/024": must not have leading 0s in IP or prefix length)"}},
       {of(R"(["::ffff:10.0.0.0/120"])"),
        {R"(spec.cidrs[0]: Invalid value: "::ffff:10.0.0.0/120": must not have an IPv4-mapped IPv6 address)"}},
       {of(R"(["10.0.0.1/24"])"),
        {R"(spec.cidrs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length)"}},
       {of(R"(["2001:DB8::/64"])"),
        {R"(spec.cidrs[0]: Invalid value: "2001:DB8::/64": must be in canonical form ("2001:db8::/64"))"}}});
}

TEST(ServiceCIDR, MayGetASecondRangeLater) {
  expect_update_problems(
      ranges(), kRange,
      {{of(R"(["10.0.0.0/24","2001:db8::/64"])"), {}},
       {of(R"(["10.0.0.0/24","10.0.1.0/24"])"), {"spec.cidrs: Invalid value: ..."}},
       {of(R"(["10.0.1.0/24"])"), {R"(spec.cidrs[0]: Invalid value: "10.0.1.0/24": field is immutable)"}},
       {of(R"(["10.0.1.0/24","2001:db8::/64"])"),
        {R"(spec.cidrs[0]: Invalid value: "10.0.1.0/24": field is immutable)"}},
       {of(R"(["10.0.0.0/24","a","b"])"),
        {R"(spec.cidrs: Invalid value: ["10.0.0.0/24","a","b"]: field is immutable)"}}});
  EXPECT_EQ(cells(ranges(), kRange, of(R"(["10.0.0.0/24","2001:db8::/64"])")), R"(["r","10.0.0.0/24,2001:db8::/64"])");
}

}  // namespace
}  // namespace gantry::kinds::networking_test
