#include "core/network/services/service_numbers.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <map>

namespace gantry::network {
namespace {

ServiceRanges ranges(const std::vector<std::string>& addresses = {"10.96.0.0/24"}) {
  return *ServiceRanges::parse(addresses, "30000-30099");
}

struct Services : testing::Test {
  std::map<std::string, int64_t> stored;
  ServiceNumbers numbers{ranges(), [] { return uint64_t{0}; },
                         [this](const std::string& key, int64_t created) {
                           const auto found = stored.find(key);
                           return found != stored.end() && found->second == created;
                         }};
  Claim address(const char* text) { return *numbers.claim_of(*Address::parse(text)); }
};

TEST(ServiceRanges, ReadsWhatItUnderstandsAndSaysWhatNot) {
  const auto both = ServiceRanges::parse(std::vector<std::string>{"fd00::/108", "10.96.0.0/12"}, "1-65535");
  ASSERT_TRUE(both);
  EXPECT_TRUE(both->addresses[0].ipv6);
  EXPECT_EQ(both->of_family(false)->text(), "10.96.0.0/12");
  const auto why = [](const std::vector<std::string>& addresses, std::string_view ports) {
    auto parsed = ServiceRanges::parse(addresses, ports);
    return parsed ? std::string() : parsed.error().message();
  };
  EXPECT_NE(why({"10.0.0.0/8"}, "1-2").find("from /12 to /30"), std::string::npos);
  EXPECT_NE(why({"fd00::/64"}, "1-2").find("from /108 to /126"), std::string::npos);
  EXPECT_NE(why({"10.0.0.0/31"}, "1-2").find("from /12"), std::string::npos);
  EXPECT_NE(why({"10.0.0.0/16", "10.1.0.0/16"}, "1-2").find("a second range"), std::string::npos);
  EXPECT_NE(why({"here"}, "1-2").find("is not a range"), std::string::npos);
  for (const char* ports : {"", "1", "2-1", "0-5", "5-65536", "a-b", "1-2x", "-1-5"}) {
    EXPECT_NE(why({}, ports).find("no range of ports"), std::string::npos) << ports;
  }
}

TEST_F(Services, NeitherTheNetworksAddressNorTheOneOfAll) {
  EXPECT_FALSE(numbers.claim_of(*Address::parse("10.96.0.0")));
  EXPECT_FALSE(numbers.claim_of(*Address::parse("10.96.0.255")));
  EXPECT_FALSE(numbers.claim_of(*Address::parse("10.97.0.1")));
  EXPECT_EQ(numbers.address_of(address("10.96.0.254")).text(), "10.96.0.254");
  ServiceNumbers six(ranges({"fd00::/120"}), [] { return uint64_t{0}; }, {});
  EXPECT_FALSE(six.claim_of(*Address::parse("fd00::")));
  EXPECT_TRUE(six.claim_of(*Address::parse("fd00::ff")));
}

TEST_F(Services, AnyAddressIsFromBehindTheBand) {
  EXPECT_EQ(numbers.address_of(*numbers.pick(0)).text(), "10.96.0.17");
  EXPECT_EQ(numbers.port_of(*numbers.pick(Claim::kPorts)), 30'016);
}

TEST_F(Services, ReadsWhatAServiceHasOfOurs) {
  const auto service = boost::json::parse(R"({"spec":{"type":"LoadBalancer","clusterIP":"10.96.0.9",
    "clusterIPs":["10.96.0.9","fd00::1"],"healthCheckNodePort":30007,
    "ports":[{"nodePort":30005},{"nodePort":30005,"protocol":"UDP"},{"nodePort":99},{}]}})")
                           .as_object();
  const auto claims = numbers.claims_of(service);
  ASSERT_EQ(claims.size(), 3u);
  EXPECT_EQ(numbers.address_of(claims[0]).text(), "10.96.0.9");
  EXPECT_EQ(numbers.port_of(claims[1]), 30'005);
  EXPECT_EQ(numbers.port_of(claims[2]), 30'007);
  auto named = service;
  named["spec"].as_object()["type"] = "ExternalName";
  EXPECT_TRUE(numbers.claims_of(named).empty());
  EXPECT_TRUE(
      numbers.claims_of(boost::json::parse(R"({"spec":{"clusterIP":"None","clusterIPs":["None"]}})").as_object())
          .empty());
}

TEST_F(Services, ARefusedWriteGivesBackWhatItReserved) {
  const auto claim = address("10.96.0.5");
  ASSERT_TRUE(numbers.reserve(claim));
  EXPECT_FALSE(numbers.reserve(claim));
  numbers.settle(
      "k", [] { return std::nullopt; }, std::vector{claim});
  EXPECT_EQ(numbers.taken(0), 0u);
  EXPECT_TRUE(numbers.reserve(claim));
}

TEST_F(Services, WhatIsStoredIsKeptUntilTheServiceGoes) {
  const auto claim = address("10.96.0.5");
  ASSERT_TRUE(numbers.reserve(claim));
  stored["k"] = 7;
  numbers.settle(
      "k",
      [&] {
        return ServiceNumbers::Held{7, {claim}};
      },
      std::vector{claim});
  EXPECT_FALSE(numbers.reserve(claim));
  numbers.forget("k", 6);  // word of one that had the name before
  EXPECT_FALSE(numbers.reserve(claim));
  numbers.forget("k", 7);
  EXPECT_EQ(numbers.taken(0), 0u);
  EXPECT_TRUE(numbers.reserve(claim));
}

TEST_F(Services, AServiceThatIsGoneIsNotWaitedFor) {
  const auto claim = address("10.96.0.5");
  stored["k"] = 7;
  numbers.hold("k", {7, {claim}});
  stored.erase("k");
  EXPECT_TRUE(numbers.reserve(claim));
  numbers.forget("k", 7);  // the word of it comes
  EXPECT_EQ(numbers.taken(0), 1u);
}

TEST_F(Services, AnUpdateThatLetsGoFreesAndOneThatKeepsDoesNot) {
  const auto one = address("10.96.0.5"), two = address("10.96.0.6");
  stored["k"] = 7;
  numbers.hold("k", {7, {one, two}});
  numbers.settle("k", [&] { return ServiceNumbers::Held{7, {two}}; }, {});
  EXPECT_EQ(numbers.taken(0), 1u);
  EXPECT_TRUE(numbers.reserve(one));
  EXPECT_FALSE(numbers.reserve(two));
}

// A second request of the Service ends between the write and the end of the first, and the Service goes before that.
TEST_F(Services, WhoReservedLetsGoLast) {
  const auto claim = address("10.96.0.5");
  ASSERT_TRUE(numbers.reserve(claim));
  stored["k"] = 7;
  numbers.settle("k", [&] { return ServiceNumbers::Held{7, {claim}}; }, {});
  stored.erase("k");
  numbers.forget("k", 7);
  EXPECT_FALSE(numbers.reserve(claim));
  numbers.settle(
      "k", [] { return std::nullopt; }, std::vector{claim});
  EXPECT_TRUE(numbers.reserve(claim));
}

TEST_F(Services, SaysWhatTwoHave) {
  const auto claim = address("10.96.0.5");
  stored = {{"a", 1}, {"b", 2}};
  EXPECT_TRUE(numbers.hold("a", {1, {claim}}).empty());
  EXPECT_EQ(numbers.hold("b", {2, {claim}}), Claims{claim});
  numbers.forget("b", 2);
  EXPECT_FALSE(numbers.reserve(claim));
  numbers.forget("a", 1);
  EXPECT_TRUE(numbers.reserve(claim));
}

}  // namespace
}  // namespace gantry::network
