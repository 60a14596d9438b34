// Ingresses: defaults, rules and table.
#include "core/kinds/cases_testing.hpp"

namespace gantry::kinds::networking_ingress_test {
namespace {

const Kind& ingresses() { return kind("networking.k8s.io", "Ingress"); }

constexpr std::string_view kGood = R"({"metadata":{"name":"web","namespace":"default"},"spec":{"rules":[{"host":"a.b",
  "http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]}})";

std::string with_backend(const std::string& backend) { return R"({"spec":{"defaultBackend":)" + backend + "}}"; }
std::string with_path(const std::string& path, const std::string& type) {
  return R"({"spec":{"rules":[{"http":{"paths":[{"path":")" + path + R"(","pathType":")" + type +
         R"(","backend":{"service":{"name":"s","port":{"name":"web"}}}}]}}]}})";
}
std::string with_host(const std::string& host) { return R"({"spec":{"rules":[{"host":")" + host + R"("}]}})"; }

TEST(Ingress, IsKeptAsItIsWritten) {
  EXPECT_EQ(answered(ingresses(), kGood),
            R"({"metadata":{"name":"web","namespace":"default"},"spec":{"rules":[{"host":"a.b","http":{"paths":[)"
            R"({"path":"/","pathType":"Prefix","backend":{"service":{"name":"s","port":{"number":80}}}}]}}]},)"
            R"("status":{"loadBalancer":{}}})");
}

TEST(Ingress, LeadsSomewhere) {
  const std::string at = "spec.defaultBackend";
  expect_problems(
      ingresses(), kGood,
      {{R"({"spec":null})", {"spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"}},
       {R"({"spec":{"rules":[]}})",
        {"spec: Invalid value: null: either `defaultBackend` or `rules` must be specified"}},
       {with_backend("{}"), {at + R"(: Invalid value: "": resource or service backend is required)"}},
       {with_backend(R"({"service":{"name":"s","port":{"number":1}},"resource":{"kind":"K","name":"n"}})"),
        {at + R"(: Invalid value: "": cannot set both resource and service backends)"}},
       {with_backend(R"({"service":{"port":{"number":1}}})"), {at + ".service.name: Required value"}},
       {with_backend(R"({"service":{"name":"1s","port":{"number":1}}})"), {}},
       {with_backend(R"({"service":{"name":"S","port":{"number":1}}})"),
        {at + R"(.service.name: Invalid value: "S": a lowercase RFC 1123 label...)"}},
       {with_backend(R"({"service":{"name":"s"}})"), {at + ": Required value: port name or number is required"}},
       {with_backend(R"({"service":{"name":"s","port":{"name":"a","number":1}}})"),
        {at + R"(: Invalid value: "": cannot set both port name & port number)"}},
       {with_backend(R"({"service":{"name":"s","port":{"number":65536}}})"),
        {at + ".service.port.number: Invalid value: 65536: must be between 1 and 65535, inclusive"}},
       {with_backend(R"({"service":{"name":"s","port":{"name":"a--b"}}})"),
        {at + R"(.service.port.name: Invalid value: "a--b": must not contain consecutive hyphens)"}},
       {with_backend(R"({"resource":{"apiGroup":"A","kind":"K/k","name":".."}})"),
        {at + R"(.resource.apiGroup: Invalid value: "A": a lowercase...)",
         at + R"(.resource.kind: Invalid value: "K/k": may not contain '/')",
         at + R"(.resource.name: Invalid value: "..": may not be '..')"}},
       {with_backend(R"({"resource":{"apiGroup":"a.b","kind":"K","name":"n"}})"), {}}});
}

TEST(Ingress, PathsAreWhatTheirTypeSays) {
  const std::string at = "spec.rules[0].http.paths[0].path";
  expect_problems(
      ingresses(), kGood,
      {{with_path("", "Exact"), {at + R"(: Invalid value: "": must be an absolute path)"}},
       {with_path("", "ImplementationSpecific"), {}},
       {with_path("a", "ImplementationSpecific"), {at + R"(: Invalid value: "a": must be an absolute path)"}},
       {with_path("/a//b/..", "Prefix"),
        {at + R"(: Invalid value: "/a//b/..": must not contain '//')",
         at + R"(: Invalid value: "/a//b/..": cannot end with '/..')"}},
       {with_path("/a/./%2f/.", "Exact"),
        {at + R"(: Invalid value: "/a/./%2f/.": must not contain '/./')",
         at + R"(: Invalid value: "/a/./%2f/.": must not contain '%2f')",
         at + R"(: Invalid value: "/a/./%2f/.": cannot end with '/.')"}},
       {with_path("/a//b", "ImplementationSpecific"), {}},
       {with_path("/", "Regex"),
        {at + R"(Type: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", )"
              R"("Prefix")"}},
       {R"({"spec":{"rules":[{"http":{"paths":[{"path":"/"}]}}]}})",
        {at + "Type: Required value: pathType must be specified"}},
       {R"({"spec":{"rules":[{"http":{"paths":[]}}]}})", {"spec.rules[0].http.paths: Required value"}},
       {R"({"spec":{"rules":[{"http":{"paths":[{"path":"/","pathType":"Exact"}]}}]}})",
        {R"(spec.rules[0].http.paths[0].backend: Invalid value: "": resource or service backend is )"
         "required"}}});
}

TEST(Ingress, HostsAreNames) {
  expect_problems(
      ingresses(), kGood,
      {{with_host("*.a.b"), {}},
       {with_host("10.0.0.1"),
        {R"(spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address)"}},
       {with_host("A"), {R"(spec.rules[0].host: Invalid value: "A": a lowercase RFC 1123 subdomain...)"}},
       {with_host("a.*.b"),
        {R"(spec.rules[0].host: Invalid value: "a.*.b": a wildcard DNS-1123 subdomain must start...)"}},
       {with_host("*"), {R"(spec.rules[0].host: Invalid value: "*": a wildcard DNS-1123 subdomain must start...)"}},
       {R"({"spec":{"tls":[{"hosts":["*.a","B","*b"],"secretName":"S"},{"hosts":["a"]}]}})",
        {R"(spec.tls[0].hosts[1]: Invalid value: "B": a lowercase...)",
         R"(spec.tls[0].hosts[2]: Invalid value: "*b": a wildcard...)",
         R"(spec.tls[0].secretName: Invalid value: "S": a lowercase...)"}}});
  expect_problems(ingresses(), kGood,
                  {{R"({"spec":{"ingressClassName":""}})",
                    {R"(spec.ingressClassName: Invalid value: "": a lowercase RFC 1123 subdomain...)"}}});
}

TEST(Ingress, OneClassInTwoPlacesIsOne) {
  const std::string both = R"({"metadata":{"annotations":{"kubernetes.io/ingress.class":"a"}},
                              "spec":{"ingressClassName":"b"}})";
  const Case refused{both,
                     {R"(annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` )"
                      "when both are specified"}};
  expect_problems(ingresses(), kGood, {refused});
  expect_update_problems(ingresses(), kGood, {{both, {}}});
}

TEST(Ingress, UpdatesAndStatus) {
  const auto balancer = [](const std::string& ingress) {
    return R"({"status":{"loadBalancer":{"ingress":[)" + ingress + "]}}}";
  };
  const std::string at = "status.loadBalancer.ingress[0].";
  expect_update_problems(
      ingresses(), kGood,
      {{R"({"spec":{"rules":null}})", {"spec: Invalid value: null: either..."}},
       {balancer(R"({"ip":"10.0.0.1","hostname":"a.b"})"), {}},
       {balancer(R"({"ip":"010.0.0.1"})"), {at + R"(ip: Invalid value: "010.0.0.1": must not have leading 0s)"}},
       {balancer(R"({"ip":"::ffff:10.0.0.1"})"),
        {at + R"(ip: Invalid value: "::ffff:10.0.0.1": must not be an IPv4-mapped...)"}},
       {balancer(R"({"ip":"x"})"),
        {at + R"(ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff))"}},
       {balancer(R"({"hostname":"10.0.0.1"})"),
        {at + R"(hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address)"}},
       {balancer(R"({"hostname":"A"})"), {at + R"(hostname: Invalid value: "A": a lowercase...)"}}});
  expect_problems(ingresses(), kGood, {{balancer(R"({"ip":"x"})"), {}}});
  const Json old = made(ingresses(), kGood, balancer(R"({"ip":"010.0.0.1"})"));
  const Json next = made(ingresses(), kGood, balancer(R"({"ip":"10.0.0.2"},{"ip":"010.0.0.1"})"));
  EXPECT_THAT(lines(validate(ingresses(), next, &old)), ::testing::IsEmpty()) << "what was there may stay";
}

TEST(Ingress, ATableShowsHostsAndAddresses) {
  EXPECT_EQ(cells(ingresses(), kGood), R"(["web","<none>","a.b","","80"])");
  EXPECT_EQ(cells(ingresses(), kGood,
                  R"({"spec":{"ingressClassName":"n","tls":[{}],"rules":[{"host":"a"},{},{"host":"b"},{"host":"c"},
                      {"host":"d"}]},"status":{"loadBalancer":{"ingress":[{"ip":"2.2.2.2"},{"hostname":"h"},
                      {"ip":"1.1.1.1","hostname":"x"}]}}})"),
            R"(["web","n","a,b,c + 2 more...","1.1.1.1,2.2.2.2,h","80, 443"])");
  EXPECT_EQ(cells(ingresses(), kGood, R"({"spec":{"rules":null}})"), R"(["web","<none>","*","","80"])");
}

}  // namespace
}  // namespace gantry::kinds::networking_ingress_test
