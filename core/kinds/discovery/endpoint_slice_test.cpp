// EndpointSlices: defaults, rules and table.
#include "core/kinds/cases_testing.hpp"

namespace gantry::kinds::discovery_endpoint_slice_test {
namespace {

const Kind& slices() { return kind("discovery.k8s.io", "EndpointSlice"); }

constexpr std::string_view kGood = R"({"metadata":{"name":"e","namespace":"default"},"addressType":"IPv4",
  "endpoints":[{"addresses":["10.0.0.1"]}],"ports":[{"port":80}]})";

std::string endpoint(const std::string& fields) {
  return R"({"endpoints":[{"addresses":["10.0.0.1"],)" + fields + "}]}";
}
std::string address(const std::string& type, const std::string& address) {
  return R"({"addressType":")" + type + R"(","endpoints":[{"addresses":[")" + address + R"("]}]})";
}
std::string many(size_t count, const std::string& item) {
  std::string out;
  for (size_t i = 0; i < count; ++i) (out += out.empty() ? "" : ",") += item;
  return "[" + out + "]";
}
std::string numbered(size_t count, const std::string& before, const std::string& after) {
  std::string out;
  for (size_t i = 0; i < count; ++i) (out += out.empty() ? "" : ",") += before + std::to_string(i) + after;
  return "[" + out + "]";
}

TEST(EndpointSlice, Defaults) {
  EXPECT_EQ(answered(slices(), kGood),
            R"({"metadata":{"name":"e","namespace":"default"},"addressType":"IPv4","endpoints":[{"addresses":)"
            R"(["10.0.0.1"],"conditions":{}}],"ports":[{"name":"","protocol":"TCP","port":80}]})");
  EXPECT_EQ(answered(slices(), kGood, R"({"endpoints":null,"ports":null})"),
            R"({"metadata":{"name":"e","namespace":"default"},"addressType":"IPv4","endpoints":null,"ports":null})");
}

TEST(EndpointSlice, AddressesAreOfItsType) {
  const std::string at = "endpoints[0].addresses[0]: Invalid value: ";
  expect_problems(
      slices(), kGood,
      {{R"({"addressType":null})", {"addressType: Required value"}},
       {R"({"addressType":"IP"})",
        {R"(addressType: Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6")"}},
       {R"({"endpoints":[{}]})", {"endpoints[0].addresses: Required value: must contain at least 1 address"}},
       {R"({"endpoints":[{"addresses":["10.0.0.1","10.0.0.1"]}]})", {}},
       {address("IPv6", "2001:db8::1"), {}},
       {address("IPv6", "10.0.0.1"), {at + R"("10.0.0.1": must be an IPv6 address)"}},
       {address("IPv4", "2001:db8::1"), {at + R"("2001:db8::1": must be an IPv4 address)"}},
       {address("IPv4", "x"), {at + R"("x": must be a valid IP address...)"}},
       {address("IPv4", "010.0.0.1"), {at + R"("010.0.0.1": must not have leading 0s)"}},
       {address("IPv4", "127.0.0.1"), {at + R"("127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128))"}},
       {address("IPv4", "169.254.1.1"), {at + R"("169.254.1.1": may not be in the link-local range...)"}},
       {address("IPv6", "::"), {at + R"("::": may not be unspecified (::))"}},
       {address("FQDN", "a.b"), {}},
       {address("FQDN", "a.b."), {}},
       {address("FQDN", ""), {"endpoints[0].addresses[0]: Required value"}},
       {address("FQDN", "a"), {at + R"("a": should be a domain with at least two segments separated by dots)"}},
       {address("FQDN", "A.b"), {at + R"("A.b": a lowercase RFC 1123 subdomain...)"}},
       {address("FQDN", std::string(64, 'a') + ".b"),
        {at + "\"" + std::string(64, 'a') + "\": must be no more than 63 bytes"}}});
}

TEST(EndpointSlice, WhatStaysIsNotJudgedAgain) {
  const Json old = made(slices(), kGood, address("IPv4", "010.0.0.1"));
  Json next = old;
  next.as_object()["metadata"].as_object()["labels"] = parsed(R"({"a":"b"})");
  EXPECT_THAT(lines(validate(slices(), next, &old)), ::testing::IsEmpty());
  next.at("endpoints").as_array().push_back(parsed(R"({"addresses":["10.0.0.2"]})"));
  EXPECT_THAT(lines(validate(slices(), next, &old)), ::testing::SizeIs(1)) << "of a list that changes all is";
}

TEST(EndpointSlice, Endpoints) {
  const std::string at = "endpoints[0].";
  expect_problems(
      slices(), kGood,
      {{endpoint(R"("hostname":"a.b","nodeName":"N")"),
        {at + R"(hostname: Invalid value: "a.b": must not contain dots)",
         at + R"(nodeName: Invalid value: "N": a lowercase RFC 1123 subdomain...)"}},
       {endpoint(
            R"("hints":{"forZones":[{"name":"a"},{"name":"a"},{"name":"b c"}],"forNodes":[{"name":"n"},{"name":""}]})"),
        {at + R"(hints.forZones[1].name: Duplicate value: "a")",
         at + R"(hints.forZones[2].name: Invalid value: "b c": a valid label...)",
         at + R"(hints.forNodes[1].name: Invalid value: "": a lowercase RFC 1123 subdomain...)"}},
       {endpoint(R"("hints":{"forZones":)" + numbered(9, R"({"name":"z)", "\"}") + "}"),
        {at + "hints.forZones: Too many: 9: must have at most 8 items"}},
       {endpoint(R"("hints":{"forNodes":)" + numbered(9, R"({"name":"n)", "\"}") + "}"),
        {at + "hints.forNodes: Too many: 9: must have at most 8 items"}}});
}

TEST(EndpointSlice, IsBounded) {
  expect_problems(slices(), kGood,
                  {{R"({"endpoints":)" + many(1000, R"({"addresses":["10.0.0.1"]})") + "}", {}},
                   {R"({"endpoints":)" + many(1001, R"({"addresses":["10.0.0.1"]})") + "}",
                    {"endpoints: Too many: 1001: must have at most 1000 items"}},
                   {R"({"endpoints":[{"addresses":)" + many(101, R"("10.0.0.1")") + "}]}",
                    {"endpoints[0].addresses: Too many: 101: must have at most 100 items"}},
                   {R"({"ports":)" + numbered(20000, R"({"name":"p)", "\"}") + "}", {}},
                   {R"({"ports":)" + numbered(20001, R"({"name":"p)", "\"}") + "}",
                    {"ports: Too many: 20001: must have at most 20000 items"}}});
}

TEST(EndpointSlice, PortsHaveNames) {
  expect_problems(slices(), kGood,
                  {{R"({"ports":[{"name":"a"},{"name":"b"},{}]})", {}},
                   {R"({"ports":[{},{"name":"a"},{"name":"a"},{"name":""}]})",
                    {R"(ports[2].name: Duplicate value: "a")", R"(ports[3].name: Duplicate value: "")"}},
                   {R"({"ports":[{"name":"A","protocol":"ICMP","appProtocol":"a b"}]})",
                    {R"(ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP")",
                     R"(ports[0].appProtocol: Invalid value: "a b": name part must consist...)",
                     R"(ports[0].name: Invalid value: "A": a lowercase RFC 1123 label...)"}}});
}

TEST(EndpointSlice, TheTypeStaysAndTopologyGoes) {
  expect_update_problems(
      slices(), kGood,
      {{address("IPv6", "2001:db8::1"), {R"(addressType: Invalid value: "IPv6": field is immutable)"}}});
  const auto old = made(slices(), kGood);
  auto next = made(slices(), kGood, endpoint(R"("deprecatedTopology":{"a":"b"},"zone":"z")"));
  for (bool update : {false, true}) {
    auto written = next;
    if (update) slices().behavior->update(written.as_object(), old.as_object());
    if (!update) slices().behavior->create(written.as_object());
    EXPECT_EQ(boost::json::serialize(written.at("endpoints")), R"([{"addresses":["10.0.0.1"],"zone":"z"}])");
  }
}

TEST(EndpointSlice, ATableShowsThreeOfEach) {
  EXPECT_EQ(cells(slices(), kGood), R"(["e","IPv4","80","10.0.0.1"])");
  EXPECT_EQ(cells(slices(), kGood, R"({"endpoints":null,"ports":null})"), R"(["e","IPv4","<unset>","<unset>"])");
  EXPECT_EQ(cells(slices(), kGood,
                  R"({"endpoints":[{"addresses":["1.1.1.1","2.2.2.2"]},{"addresses":["3.3.3.3","4.4.4.4","5.5.5.5"]}],
                      "ports":[{"name":"a","port":1},{"name":"b"},{"name":"c","port":3},{"name":"d"}]})"),
            R"(["e","IPv4","1,b,3 + 1 more...","1.1.1.1,2.2.2.2,3.3.3.3 + 2 more..."])");
}

}  // namespace
}  // namespace gantry::kinds::discovery_endpoint_slice_test
