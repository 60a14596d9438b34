// Services: defaults and rules by type, what an update keeps and drops, and the table.
#include <boost/json/serialize.hpp>

#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::core_service_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kService =
    R"({"metadata":{"name":"web","namespace":"default"},"spec":{"ports":[{"port":80}],"selector":{"a":"b"}}})";

const Kind& services() { return kind("", "Service"); }
Json service(std::string_view spec) { return made(services(), kService, R"({"spec":)" + std::string(spec) + "}"); }
std::string json_of(const Json& object) { return schema::encode_json(*services().message, object); }
Problems of_new(std::string_view spec) { return lines(validate(services(), service(spec))); }
Problems of_patch(std::string_view patch) { return lines(validate(services(), made(services(), kService, patch))); }

// As an update makes the new version from what a client sends.
Json updated(std::string_view next, std::string_view old) {
  Json object = service(next);
  const Json before = service(old);
  services().behavior->update(object.as_object(), before.as_object());
  EXPECT_TRUE(apply_defaults(services(), object).ok());
  return object;
}
Problems on_update(std::string_view next, std::string_view old) {
  const Json before = service(old);
  return lines(validate(services(), updated(next, old), &before));
}
std::string spec_after(std::string_view next, std::string_view old) {
  return boost::json::serialize(updated(next, old).at("spec"));
}

TEST(Service, HasUpstreamsDefaults) {
  EXPECT_EQ(json_of(service("{}")),
            R"({"metadata":{"name":"web","namespace":"default"},"spec":{)"
            R"("ports":[{"protocol":"TCP","port":80,"targetPort":80}],"selector":{"a":"b"},"type":"ClusterIP",)"
            R"("sessionAffinity":"None","internalTrafficPolicy":"Cluster"},"status":{"loadBalancer":{}}})");
  const auto member = [](std::string_view spec, std::string_view key) -> Json {
    const Json object = service(spec);
    const Json* found = object.at("spec").as_object().if_contains(key);
    return found != nullptr ? *found : Json();
  };
  EXPECT_EQ(member(R"({"type":"NodePort"})", "externalTrafficPolicy"), "Cluster");
  EXPECT_EQ(member(R"({"type":"LoadBalancer"})", "externalTrafficPolicy"), "Cluster");
  EXPECT_EQ(member(R"({"externalIPs":["10.1.1.1"]})", "externalTrafficPolicy"), "Cluster");
  EXPECT_EQ(member("{}", "externalTrafficPolicy"), Json());
  EXPECT_EQ(member(R"({"type":"LoadBalancer"})", "allocateLoadBalancerNodePorts"), true);
  EXPECT_EQ(member(R"({"type":"NodePort"})", "allocateLoadBalancerNodePorts"), Json());
  EXPECT_EQ(member(R"({"type":"ExternalName"})", "internalTrafficPolicy"), Json());
  EXPECT_EQ(member(R"({"sessionAffinity":"ClientIP"})", "sessionAffinityConfig"),
            parsed(R"({"clientIP":{"timeoutSeconds":10800}})"));
  EXPECT_EQ(member(R"({"sessionAffinityConfig":{"clientIP":{"timeoutSeconds":5}}})", "sessionAffinityConfig"), Json());
  EXPECT_EQ(member(R"({"clusterIP":"10.0.0.9"})", "clusterIPs"), parsed(R"(["10.0.0.9"])"));
  EXPECT_EQ(member(R"({"ports":[{"port":1,"targetPort":"http"},{"port":2,"targetPort":""}]})", "ports"),
            parsed(R"([{"port":1,"targetPort":"http","protocol":"TCP"},{"port":2,"targetPort":2,"protocol":"TCP"}])"));
}

TEST(Service, HasPorts) {
  EXPECT_THAT(of_new("{}"), IsEmpty());
  EXPECT_THAT(of_new(R"({"ports":null})"), ElementsAre("spec.ports: Required value"));
  EXPECT_THAT(of_new(R"({"ports":null,"clusterIP":"None"})"), IsEmpty());
  EXPECT_THAT(of_new(R"({"ports":[{"port":1,"name":"a"},{"port":2}]})"),
              ElementsAre("spec.ports[1].name: Required value"));
  EXPECT_THAT(of_new(R"({"ports":[{"port":1,"name":"a"},{"port":2,"name":"a"}]})"),
              ElementsAre("spec.ports[1].name: Duplicate value: \"a\""));
  EXPECT_THAT(of_new(R"({"ports":[{"port":1,"name":"A"}]})"), ElementsAre(HasSubstr("spec.ports[0].name: Invalid")));
  for (const char* number : {"0", "-1", "65536"}) {
    EXPECT_THAT(of_new(R"({"ports":[{"targetPort":1,"port":)" + std::string(number) + "}]}"),
                ElementsAre("spec.ports[0].port: Invalid value: " + std::string(number) +
                            ": must be between 1 and 65535, inclusive"));
  }
  EXPECT_THAT(of_new(R"({"ports":[{"port":1,"targetPort":65536}]})"),
              ElementsAre("spec.ports[0].targetPort: Invalid value: 65536: must be between 1 and 65535, inclusive"));
  EXPECT_THAT(of_new(R"({"ports":[{"port":1,"targetPort":"a--b"}]})"),
              ElementsAre(HasSubstr("must not contain consecutive hyphens")));
  EXPECT_THAT(of_new(R"({"ports":[{"port":1,"protocol":"ICMP"}]})"),
              ElementsAre("spec.ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", "
                          "\"UDP\""));
  EXPECT_THAT(of_new(R"({"ports":[{"port":1,"appProtocol":"a b"}]})"), ElementsAre(HasSubstr("spec.ports[0].appProt")));
  EXPECT_THAT(of_new(R"({"ports":[{"port":1,"nodePort":30000}]})"),
              ElementsAre("spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"));
  EXPECT_THAT(
      of_new(R"({"ports":[{"port":1,"name":"a"},{"port":1,"name":"b"},{"port":1,"name":"c","protocol":"UDP"}]})"),
      ElementsAre(HasSubstr("spec.ports[1]: Duplicate value: {\"AppProtocol\":null,\"Name\":\"\",\"NodePort\"")));
  EXPECT_THAT(of_new(R"({"type":"NodePort","ports":[{"port":1,"name":"a","nodePort":30000},
                         {"port":2,"name":"b","nodePort":30000},{"port":3,"name":"c","nodePort":30000,"protocol":"UDP"}]})"),
              ElementsAre("spec.ports[1].nodePort: Duplicate value: 30000"));
}

TEST(Service, HasWhatItsTypeNeeds) {
  EXPECT_THAT(of_new(R"({"type":"Other"})"),
              ElementsAre("spec.type: Unsupported value: \"Other\": supported values: \"ClusterIP\", \"ExternalName\", "
                          "\"LoadBalancer\", \"NodePort\""));
  for (const char* type : {"NodePort", "LoadBalancer"}) {
    EXPECT_THAT(of_new(R"({"clusterIP":"None","type":")" + std::string(type) + "\"}"),
                ElementsAre("spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for " +
                            std::string(type) + " services"));
  }
  EXPECT_THAT(of_new(R"({"type":"ExternalName","ports":null})"), ElementsAre("spec.externalName: Required value"));
  EXPECT_THAT(of_new(R"({"type":"ExternalName","externalName":"a.b."})"), IsEmpty());
  EXPECT_THAT(of_new(R"({"type":"ExternalName","externalName":"a_b"})"),
              ElementsAre(HasSubstr("spec.externalName: Invalid value: \"a_b\": a lowercase RFC 1123 subdomain")));
  EXPECT_THAT(of_new(R"({"type":"ExternalName","externalName":"a","clusterIP":"10.0.0.1","ipFamilies":["IPv4"],
                         "ipFamilyPolicy":"SingleStack"})"),
              ElementsAre("spec.clusterIPs: Forbidden: may not be set for ExternalName services",
                          "spec.ipFamilies: Forbidden: may not be set for ExternalName services",
                          "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services"));
  constexpr std::string_view kOnly = "Forbidden: may only be used when `type` is 'LoadBalancer'";
  EXPECT_THAT(of_new(R"({"allocateLoadBalancerNodePorts":false,"loadBalancerClass":"a/b",
                         "loadBalancerSourceRanges":["10.0.0.0/8"]})"),
              ElementsAre("spec.LoadBalancerSourceRanges: " + std::string(kOnly),
                          "spec.allocateLoadBalancerNodePorts: " + std::string(kOnly),
                          "spec.loadBalancerClass: " + std::string(kOnly)));
  EXPECT_THAT(of_new(R"({"type":"LoadBalancer","loadBalancerClass":"a/b","allocateLoadBalancerNodePorts":false,
                         "loadBalancerSourceRanges":[" 10.0.0.0/8 "]})"),
              IsEmpty());
  EXPECT_THAT(
      of_new(R"({"type":"LoadBalancer","loadBalancerClass":"a b","loadBalancerSourceRanges":["10.0.0.0"]})"),
      ElementsAre(HasSubstr("spec.LoadBalancerSourceRanges[0]: Invalid value: \"10.0.0.0\": must be a valid CIDR"),
                  HasSubstr("spec.loadBalancerClass: Invalid value: \"a b\": name part must consist of")));
}

TEST(Service, TrafficGoesWhereItSays) {
  EXPECT_THAT(of_new(R"({"externalTrafficPolicy":"Local"})"),
              ElementsAre("spec.externalTrafficPolicy: Invalid value: \"Local\": may only be set for "
                          "externally-accessible services"));
  EXPECT_THAT(of_new(R"({"type":"NodePort","externalTrafficPolicy":"Local"})"), IsEmpty());
  EXPECT_THAT(of_new(R"({"type":"NodePort","externalTrafficPolicy":"Near"})"),
              ElementsAre("spec.externalTrafficPolicy: Unsupported value: \"Near\": supported values: \"Cluster\", "
                          "\"Local\""));
  EXPECT_THAT(of_new(R"({"internalTrafficPolicy":""})"),
              ElementsAre("spec.internalTrafficPolicy: Unsupported value: \"\": supported values: \"Cluster\", "
                          "\"Local\""));
  EXPECT_THAT(of_new(R"({"trafficDistribution":"PreferSameNode"})"), IsEmpty());
  EXPECT_THAT(of_new(R"({"trafficDistribution":"Far"})"),
              ElementsAre("spec.trafficDistribution: Unsupported value: \"Far\": supported values: \"PreferClose\", "
                          "\"PreferSameZone\", \"PreferSameNode\""));
  EXPECT_THAT(of_new(R"({"healthCheckNodePort":30000,"type":"LoadBalancer"})"),
              ElementsAre("spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is "
                          "'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  EXPECT_THAT(of_new(R"({"healthCheckNodePort":70000,"type":"LoadBalancer","externalTrafficPolicy":"Local"})"),
              ElementsAre("spec.healthCheckNodePort: Invalid value: 70000: must be between 1 and 65535, inclusive"));
  EXPECT_THAT(of_new(R"({"sessionAffinity":"Cookie"})"),
              ElementsAre("spec.sessionAffinity: Unsupported value: \"Cookie\": supported values: \"ClientIP\", "
                          "\"None\""));
  for (const char* seconds : {"0", "-1", "86401"}) {
    EXPECT_THAT(of_new(R"({"sessionAffinity":"ClientIP","sessionAffinityConfig":{"clientIP":{"timeoutSeconds":)" +
                       std::string(seconds) + "}}}"),
                ElementsAre("spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: " +
                            std::string(seconds) + ": must be greater than 0 and less than 86400"));
  }
  EXPECT_THAT(of_new(R"({"selector":{"a":"b c"}})"), ElementsAre(HasSubstr("spec.selector: Invalid value: \"b c\"")));
}

TEST(Service, AddressesOutsideCanBeReached) {
  const auto with = [](const std::string& ip) { return of_new(R"({"externalIPs":["10.0.0.1",")" + ip + "\"]}"); };
  for (const char* good : {"192.168.1.1", "2001:db8::1", "225.0.0.1", "169.253.0.1"}) {
    EXPECT_THAT(with(good), IsEmpty()) << good;
  }
  EXPECT_THAT(with("10.0.0"), ElementsAre("spec.externalIPs[1]: Invalid value: \"10.0.0\": must be a valid IP address, "
                                          "(e.g. 10.9.8.7 or 2001:db8::ffff)"));
  EXPECT_THAT(with("0.0.0.0"), ElementsAre(HasSubstr("may not be unspecified (0.0.0.0)")));
  EXPECT_THAT(with("::"), ElementsAre(HasSubstr("may not be unspecified (::)")));
  EXPECT_THAT(with("010.0.0.1"),
              ElementsAre("spec.externalIPs[1]: Invalid value: \"010.0.0.1\": must not have leading 0s"));
  EXPECT_THAT(with("::ffff:10.0.0.1"), ElementsAre("spec.externalIPs[1]: Invalid value: \"::ffff:10.0.0.1\": must not "
                                                   "be an IPv4-mapped IPv6 address"));
  for (const char* bad : {"127.1.2.3", "::1"}) {
    EXPECT_THAT(with(bad), ElementsAre(HasSubstr("may not be in the loopback range (127.0.0.0/8, ::1/128)"))) << bad;
  }
  for (const char* bad : {"169.254.1.1", "fe80::1", "febf::1"}) {
    EXPECT_THAT(with(bad), ElementsAre(HasSubstr("may not be in the link-local range"))) << bad;
  }
  for (const char* bad : {"224.0.0.1", "ff02::1"}) {
    EXPECT_THAT(with(bad), ElementsAre(HasSubstr("may not be in the link-local multicast range"))) << bad;
  }
}

TEST(Service, AddressesFitTheirFamilies) {
  EXPECT_THAT(of_new(R"({"clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1","fd00::1"],"ipFamilies":["IPv4","IPv6"]})"),
              IsEmpty());
  EXPECT_THAT(of_new(R"({"clusterIPs":["10.0.0.1"]})"),
              ElementsAre("spec.clusterIPs: Invalid value: [\"10.0.0.1\"]: must be empty when `clusterIP` is not "
                          "specified"));
  EXPECT_THAT(of_new(R"({"clusterIP":"10.0.0.2","clusterIPs":["10.0.0.1"]})"),
              ElementsAre("spec.clusterIPs: Invalid value: [\"10.0.0.1\"]: first value must match `clusterIP`"));
  EXPECT_THAT(of_new(R"({"clusterIP":"None","clusterIPs":["None","10.0.0.1"]})"),
              ElementsAre(HasSubstr("'None' must be the first and only value")));
  EXPECT_THAT(of_new(R"({"clusterIP":"x"})"), ElementsAre(HasSubstr("spec.clusterIPs[0]: Invalid value: \"x\"")));
  EXPECT_THAT(of_new(R"({"clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1","fd00::1","fd00::2"]})"),
              ElementsAre(HasSubstr("may only hold up to 2 values")));
  EXPECT_THAT(of_new(R"({"clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1","10.0.0.2"]})"),
              ElementsAre(HasSubstr("may specify no more than one IP for each IP family")));
  EXPECT_THAT(of_new(R"({"clusterIP":"10.0.0.1","ipFamilies":["IPv6"]})"),
              ElementsAre("spec.clusterIPs[0]: Invalid value: \"10.0.0.1\": expected an IPv6 value as indicated by "
                          "`ipFamilies[0]`"));
  EXPECT_THAT(of_new(R"({"ipFamilies":["IPv4","IPv4"]})"),
              ElementsAre("spec.ipFamilies[1]: Duplicate value: \"IPv4\""));
  EXPECT_THAT(of_new(R"({"ipFamilies":["IPv5"]})"),
              ElementsAre("spec.ipFamilies[0]: Unsupported value: \"IPv5\": supported values: \"IPv4\", \"IPv6\""));
  EXPECT_THAT(of_new(R"({"ipFamilyPolicy":"Both"})"),
              ElementsAre("spec.ipFamilyPolicy: Unsupported value: \"Both\": supported values: \"PreferDualStack\", "
                          "\"RequireDualStack\", \"SingleStack\""));
}

TEST(Service, AddressesStay) {
  constexpr std::string_view kOne = R"({"clusterIP":"10.0.0.1"})";
  constexpr std::string_view kTwo = R"({"clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1","fd00::1"],
                                        "ipFamilies":["IPv4","IPv6"],"ipFamilyPolicy":"RequireDualStack"})";
  EXPECT_THAT(on_update("{}", kOne), IsEmpty()) << "what is left out is kept";
  EXPECT_THAT(on_update(R"({"clusterIP":"10.0.0.2"})", kOne),
              ElementsAre("spec.clusterIPs[0]: Invalid value: [\"10.0.0.2\"]: may not change once set"));
  EXPECT_THAT(on_update(R"({"clusterIP":"None"})", kOne), ElementsAre(HasSubstr("may not change once set")));
  EXPECT_THAT(on_update(R"({"ipFamilies":["IPv6"],"clusterIP":"10.0.0.1"})",
                        R"({"ipFamilies":["IPv4"],"clusterIP":"10.0.0.1"})"),
              ElementsAre("spec.ipFamilies[0]: Invalid value: [\"IPv6\"]: may not change once set",
                          HasSubstr("expected an IPv6 value")));
  EXPECT_THAT(on_update(kTwo, kOne), IsEmpty());
  EXPECT_THAT(on_update(R"({"ipFamilyPolicy":"SingleStack","clusterIPs":["10.0.0.1","fd00::1"],
                            "ipFamilies":["IPv4","IPv6"]})",
                        kTwo),
              IsEmpty());
  EXPECT_THAT(on_update(R"({"clusterIP":"10.0.0.1","clusterIPs":["10.0.0.1"],"ipFamilies":["IPv4"]})", kTwo),
              ElementsAre("spec.ipFamilyPolicy: Invalid value: null: must be set to 'SingleStack' when releasing the "
                          "secondary clusterIP",
                          "spec.ipFamilyPolicy: Invalid value: null: must be set to 'SingleStack' when releasing the "
                          "secondary ipFamily"));
  EXPECT_THAT(on_update(R"({"type":"ExternalName","externalName":"a"})", kTwo), IsEmpty());
  EXPECT_THAT(on_update(R"({"type":"LoadBalancer","loadBalancerClass":"a/c"})",
                        R"({"type":"LoadBalancer","loadBalancerClass":"a/b"})"),
              ElementsAre("spec.loadBalancerClass: Invalid value: \"a/c\": may not change once set"));
  EXPECT_THAT(on_update(R"({"type":"LoadBalancer","externalTrafficPolicy":"Local","healthCheckNodePort":2})",
                        R"({"type":"LoadBalancer","externalTrafficPolicy":"Local","healthCheckNodePort":1})"),
              ElementsAre("spec.healthCheckNodePort: Forbidden: field is immutable"));
}

TEST(Service, AnUpdateKeepsWhatWasGiven) {
  constexpr std::string_view kOld = R"({"type":"LoadBalancer","externalTrafficPolicy":"Local","clusterIP":"10.0.0.1",
      "healthCheckNodePort":31000,"ports":[{"port":1,"name":"a","nodePort":30001},{"port":2,"name":"b","nodePort":30002}]})";
  const Json kept = updated(R"({"type":"LoadBalancer","externalTrafficPolicy":"Local",
                                "ports":[{"port":1,"name":"a"},{"port":9,"name":"b"},{"port":3,"name":"c"}]})",
                            kOld);
  const auto& spec = kept.at("spec").as_object();
  EXPECT_EQ(spec.at("clusterIP"), "10.0.0.1");
  EXPECT_EQ(spec.at("clusterIPs"), parsed(R"(["10.0.0.1"])"));
  EXPECT_EQ(spec.at("healthCheckNodePort"), 31000);
  EXPECT_EQ(spec.at("ports").at(0).at("nodePort"), 30001);
  EXPECT_EQ(spec.at("ports").at(1).at("nodePort"), 30002);
  EXPECT_FALSE(spec.at("ports").at(2).as_object().contains("nodePort"));
  const Json moved =
      updated(R"({"type":"NodePort","ports":[{"port":1,"name":"a"},{"port":2,"name":"b","nodePort":30001}]})",
              R"({"type":"NodePort","ports":[{"port":1,"name":"a","nodePort":30001}]})");
  EXPECT_FALSE(moved.at("spec").at("ports").at(0).as_object().contains("nodePort")) << "another port has it now";
}

TEST(Service, AnotherTypeDropsWhatItHasNoUseFor) {
  constexpr std::string_view kOld = R"({"type":"LoadBalancer","externalTrafficPolicy":"Local","clusterIP":"10.0.0.1",
      "healthCheckNodePort":31000,"loadBalancerClass":"a/b","allocateLoadBalancerNodePorts":true,
      "ports":[{"port":1,"name":"a","nodePort":30001}]})";
  const auto as = [&](std::string_view type) {
    Json spec = parsed(kOld);
    spec.as_object()["type"] = type;
    if (type == "ExternalName") spec.as_object()["externalName"] = "x";
    return boost::json::serialize(spec);
  };
  EXPECT_THAT(on_update(as("ClusterIP"), kOld), IsEmpty());
  const std::string plain = spec_after(as("ClusterIP"), kOld);
  for (const char* gone : {"nodePort", "healthCheckNodePort", "loadBalancerClass", "allocateLoad", "externalTraffic"}) {
    EXPECT_THAT(plain, ::testing::Not(HasSubstr(gone)));
  }
  EXPECT_THAT(plain, HasSubstr("10.0.0.1"));
  EXPECT_THAT(on_update(as("ExternalName"), kOld), IsEmpty());
  EXPECT_THAT(spec_after(as("ExternalName"), kOld), ::testing::Not(HasSubstr("10.0.0.1")));
  EXPECT_THAT(on_update(as("NodePort"), kOld), IsEmpty());
  EXPECT_THAT(spec_after(as("NodePort"), kOld), HasSubstr("30001"));
  constexpr std::string_view kFamilies = R"({"ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack"})";
  EXPECT_THAT(on_update(R"({"type":"ExternalName","externalName":"x","ipFamilies":["IPv4"],
                            "ipFamilyPolicy":"SingleStack"})",
                        kFamilies),
              IsEmpty());
  // What is changed at the same time is refused.
  EXPECT_THAT(on_update(R"({"ports":[{"port":1,"nodePort":30002}]})", kOld),
              ElementsAre("spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"));
  EXPECT_THAT(on_update(R"({"loadBalancerClass":"a/c"})", kOld),
              ElementsAre(HasSubstr("may only be used when `type`")));
  Json next = service("{}");
  next.as_object()["status"] = parsed(R"({"loadBalancer":{"ingress":[{"ip":"1.2.3.4"}]}})");
  services().behavior->update(next.as_object(), service(R"({"type":"LoadBalancer"})").as_object());
  EXPECT_THAT(json_of(next), HasSubstr(R"("status":{"loadBalancer":{}})"));
}

TEST(Service, ARangeMayBeOneAddress) {
  const auto from = [](std::string_view range) {
    return of_new(R"({"type":"LoadBalancer","loadBalancerSourceRanges":[")" + std::string(range) + "\"]}");
  };
  for (const char* one : {"10.0.0.1/32", "fd00::1/128", "0.0.0.0/0"}) EXPECT_THAT(from(one), IsEmpty()) << one;
  for (const char* none : {"10.0.0.1/33", "fd00::1/129"}) {
    EXPECT_THAT(from(none), ElementsAre(HasSubstr("must be a valid CIDR"))) << none;
  }
}

TEST(Service, AddressesThatMeanSeveralThingsMayStayButNotCome) {
  constexpr std::string_view kOld = R"({"type":"LoadBalancer","externalIPs":["010.1.1.1","10.1.1.2"],
    "clusterIP":"::ffff:10.0.0.1","loadBalancerSourceRanges":[" 10.0.0.1/8"]})";
  EXPECT_THAT(of_new(kOld),
              ElementsAre("spec.LoadBalancerSourceRanges[0]: Invalid value: \"10.0.0.1/8\": must not have bits set "
                          "beyond the prefix length",
                          "spec.clusterIPs[0]: Invalid value: \"::ffff:10.0.0.1\": must not be an IPv4-mapped IPv6 "
                          "address",
                          "spec.externalIPs[0]: Invalid value: \"010.1.1.1\": must not have leading 0s"));
  EXPECT_THAT(on_update(R"({"type":"LoadBalancer","externalIPs":["10.1.1.3","010.1.1.1"],"clusterIP":"::ffff:10.0.0.1",
                            "loadBalancerSourceRanges":["10.0.0.0/8","10.0.0.1/8 "],"selector":{"c":"d"}})",
                        kOld),
              IsEmpty())
      << "wherever in the list";
  EXPECT_THAT(
      on_update(R"({"type":"LoadBalancer","externalIPs":["010.1.1.2"],"clusterIP":"::ffff:10.0.0.1",
                            "loadBalancerSourceRanges":["10.0.0.0/08","::ffff:10.0.0.0/104"]})",
                kOld),
      ElementsAre("spec.LoadBalancerSourceRanges[0]: Invalid value: \"10.0.0.0/08\": must not have leading 0s in "
                  "IP or prefix length",
                  "spec.LoadBalancerSourceRanges[1]: Invalid value: \"::ffff:10.0.0.0/104\": must not have an "
                  "IPv4-mapped IPv6 address",
                  "spec.externalIPs[0]: Invalid value: \"010.1.1.2\": must not have leading 0s"));
  // One that was let through, and would not be reached by others.
  EXPECT_THAT(on_update(R"({"externalIPs":["127.0.0.01"],"selector":{"c":"d"}})", R"({"externalIPs":["127.0.0.01"]})"),
              ElementsAre(HasSubstr("may not be in the loopback range")));
}

TEST(Service, AnnotationsOfOldStillCount) {
  const auto with = [](std::string_view notes, std::string_view type = "ClusterIP") {
    return of_patch(R"({"metadata":{"annotations":)" + std::string(notes) + R"(},"spec":{"type":")" +
                    std::string(type) + "\"}}");
  };
  constexpr std::string_view kRanges = R"({"service.beta.kubernetes.io/load-balancer-source-ranges":"10.0.0.0/8, x"})";
  EXPECT_THAT(with(kRanges, "LoadBalancer"),
              ElementsAre(HasSubstr("metadata.annotations[service.beta.kubernetes.io/load-balancer-source-ranges]: "
                                    "Invalid value: \"x\": must be a valid CIDR")));
  const auto noted = [](std::string_view ranges) {
    return made(services(), kService,
                R"({"metadata":{"annotations":{"service.beta.kubernetes.io/load-balancer-source-ranges":")" +
                    std::string(ranges) + R"("}},"spec":{"type":"LoadBalancer"}})");
  };
  const auto noted_update = [&](std::string_view next, std::string_view old, std::string_view selector) {
    Json object = noted(next);
    const Json before = noted(old);
    object.at("spec").at("selector") = parsed(selector);
    return lines(validate(services(), object, &before));
  };
  EXPECT_THAT(noted_update("10.0.0.1/8", "10.0.0.1/8", R"({"c":"d"})"), IsEmpty()) << "stays as it was";
  EXPECT_THAT(noted_update("10.0.0.1/8,10.0.0.0/9", "10.0.0.1/8", R"({"a":"b"})"),
              ElementsAre(HasSubstr("Invalid value: \"10.0.0.1/8\": must not have bits set")));
  EXPECT_THAT(with(R"({"service.beta.kubernetes.io/load-balancer-source-ranges":""})"),
              ElementsAre(HasSubstr("may only be used when `type` is 'LoadBalancer'")));
  EXPECT_THAT(with(R"({"service.kubernetes.io/topology-mode":"Auto",
                       "service.kubernetes.io/topology-aware-hints":"Disabled"})"),
              ElementsAre("metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: \"Auto\": must "
                          "match annotations[service.kubernetes.io/topology-aware-hints] when both are specified"));
}

TEST(Service, ABalancersStatusIsOfABalancer) {
  const auto on_status = [](std::string_view type, const std::string& ingress) {
    const std::string spec = R"({"type":")" + std::string(type) + "\"}";
    Json next = service(spec);
    next.as_object()["status"] = parsed(R"({"loadBalancer":{"ingress":[)" + ingress + "]}}");
    EXPECT_TRUE(apply_defaults(services(), next).ok());
    const Json before = service(spec);
    return lines(validate(services(), next, &before));
  };
  EXPECT_THAT(on_status("NodePort", R"({"ip":"1.2.3.4"})"),
              ElementsAre("status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is "
                          "'LoadBalancer'"));
  EXPECT_THAT(on_status("LoadBalancer", R"({"ip":"1.2.3.4"},{"hostname":"a.b"})"), IsEmpty()) << "ipMode is VIP";
  EXPECT_THAT(on_status("LoadBalancer", R"({"ip":"1.2.3"})"),
              ElementsAre(HasSubstr("status.loadBalancer.ingress[0].ip: Invalid value: \"1.2.3\"")));
  EXPECT_THAT(on_status("LoadBalancer", R"({"ip":"01.2.3.4"})"),
              ElementsAre("status.loadBalancer.ingress[0].ip: Invalid value: \"01.2.3.4\": must not have leading 0s"));
  Json old = service(R"({"type":"LoadBalancer"})");
  old.as_object()["status"] = parsed(R"({"loadBalancer":{"ingress":[{"ip":"01.2.3.4","ipMode":"VIP"}]}})");
  Json next = old;
  next.at("status")
      .at("loadBalancer")
      .at("ingress")
      .as_array()
      .insert(next.at("status").at("loadBalancer").at("ingress").as_array().begin(), parsed(R"({"hostname":"a.b"})"));
  EXPECT_THAT(lines(validate(services(), next, &old)), IsEmpty()) << "one that was there";
  EXPECT_THAT(on_status("LoadBalancer", R"({"hostname":"a","ipMode":"VIP"})"),
              ElementsAre("status.loadBalancer.ingress[0].ipMode: Forbidden: may not be specified when `ip` is not "
                          "set"));
  EXPECT_THAT(on_status("LoadBalancer", R"({"ip":"1.2.3.4","ipMode":"X"})"),
              ElementsAre("status.loadBalancer.ingress[0].ipMode: Unsupported value: \"X\": supported values: "
                          "\"Proxy\", \"VIP\""));
  EXPECT_THAT(on_status("LoadBalancer", R"({"hostname":"1.2.3.4"})"),
              ElementsAre("status.loadBalancer.ingress[0].hostname: Invalid value: \"1.2.3.4\": must be a DNS name, "
                          "not an IP address"));
}

TEST(Service, ItsNameIsALabelThatBeginsWithALetter) {
  EXPECT_THAT(of_patch(R"({"metadata":{"name":"9a"}})"),
              ElementsAre(HasSubstr("metadata.name: Invalid value: \"9a\": a DNS-1035 label must consist of")));
  EXPECT_THAT(of_patch(R"({"metadata":{"name":"a.b"}})"), ElementsAre(HasSubstr("a DNS-1035 label")));
}

TEST(Service, ATableShowsHowItIsReached) {
  const auto cells = [](std::string_view patch) {
    return table_row_json(services(), made(services(), kService, patch), "{}", schema::IncludeObject::kNone, 0);
  };
  const auto row = [](const std::string& middle) {
    return R"({"cells":["web",)" + middle + R"(,"\u003cunknown\u003e","a=b"],"object":null})";
  };
  EXPECT_EQ(cells("{}"), row(R"("ClusterIP","\u003cnone\u003e","\u003cnone\u003e","80/TCP")"));
  EXPECT_EQ(cells(R"({"spec":{"clusterIP":"None","ports":null}})"),
            row(R"("ClusterIP","None","\u003cnone\u003e","\u003cnone\u003e")"));
  EXPECT_EQ(cells(R"({"spec":{"type":"NodePort","clusterIP":"10.0.0.1","externalIPs":["1.1.1.1","2.2.2.2"],
                     "ports":[{"port":80,"nodePort":30080},{"port":53,"protocol":"UDP"}]}})"),
            row(R"("NodePort","10.0.0.1","1.1.1.1,2.2.2.2","80:30080/TCP,53/UDP")"));
  EXPECT_EQ(cells(R"({"spec":{"type":"LoadBalancer"}})"),
            row(R"("LoadBalancer","\u003cnone\u003e","\u003cpending\u003e","80/TCP")"));
  EXPECT_EQ(cells(R"({"spec":{"type":"LoadBalancer","externalIPs":["1.1.1.1"]},
                     "status":{"loadBalancer":{"ingress":[{"ip":"9.9.9.9"},{"hostname":"lb"},{"ip":"3.3.3.3"}]}}})"),
            row(R"("LoadBalancer","\u003cnone\u003e","3.3.3.3,9.9.9.9,lb,1.1.1.1","80/TCP")"));
  EXPECT_EQ(cells(R"({"spec":{"type":"ExternalName","externalName":"a.b"}})"),
            row(R"("ExternalName","\u003cnone\u003e","a.b","80/TCP")"));
}

}  // namespace
}  // namespace gantry::kinds::core_service_test
