#include "core/network/services/service_numbers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <map>
#include <set>

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
  // Word of it came, and that is stored.
  void see(const std::string& key, std::optional<ServiceNumbers::Held> held) {
    numbers.see(key, [&] { return std::move(held); });
  }
  Claim address(const char* text) { return ServiceNumbers::claim_of(*Address::parse(text)); }
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
  for (const char* no : {"10.96.0.0", "10.96.0.255", "10.97.0.1", "fd00::1"}) {
    EXPECT_FALSE(numbers.gives(*Address::parse(no))) << no;
  }
  EXPECT_TRUE(numbers.gives(*Address::parse("10.96.0.254")));
  EXPECT_EQ(numbers.address_of(address("10.96.0.254")).text(), "10.96.0.254");
  ServiceNumbers six(ranges({"fd00::/120"}), [] { return uint64_t{0}; }, {});
  EXPECT_FALSE(six.gives(*Address::parse("fd00::")));
  EXPECT_TRUE(six.gives(*Address::parse("fd00::ff")));
}

TEST_F(Services, AnyAddressIsFromBehindTheBand) {
  EXPECT_EQ(numbers.address_of(*numbers.pick(false)).text(), "10.96.0.17");
  EXPECT_EQ(numbers.port_of(*numbers.pick_port()), 30'016);
}

TEST_F(Services, ReadsWhatAServiceHasOfOurs) {
  const auto service = boost::json::parse(R"({"spec":{"type":"LoadBalancer","clusterIP":"10.96.0.9",
    "clusterIPs":["10.96.0.9","fd00::1"],"healthCheckNodePort":30007,
    "ports":[{"nodePort":30005},{"nodePort":30005,"protocol":"UDP"},{"nodePort":99},{}]}})")
                           .as_object();
  const auto claims = numbers.claims_of(service);
  ASSERT_EQ(claims.size(), 4u);
  EXPECT_EQ(numbers.address_of(claims[0]).text(), "10.96.0.9");
  EXPECT_EQ(numbers.address_of(claims[1]).text(), "fd00::1") << "also where no range has it yet";
  EXPECT_EQ(numbers.port_of(claims[2]), 30'005);
  EXPECT_EQ(numbers.port_of(claims[3]), 30'007);
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
  see("k", {{7, {claim}}});  // word of one that had the name before
  EXPECT_FALSE(numbers.reserve(claim));
  see("k", {});
  EXPECT_EQ(numbers.taken(0), 0u);
  EXPECT_TRUE(numbers.reserve(claim));
}

TEST_F(Services, WordIsOfWhatIsStoredByThen) {
  const auto one = address("10.96.0.5"), two = address("10.96.0.6");
  stored["k"] = 7;
  see("k", {{7, {one}}});
  see("k", {{9, {two}}});  // another one of that name
  EXPECT_EQ(numbers.keys(), std::vector<std::string>{"k"});
  EXPECT_TRUE(numbers.reserve(one));
  stored["k"] = 9;
  EXPECT_FALSE(numbers.reserve(two));
  see("k", {});
  EXPECT_TRUE(numbers.keys().empty());
  EXPECT_TRUE(numbers.reserve(two));
}

TEST_F(Services, AServiceThatIsGoneIsNotWaitedFor) {
  const auto claim = address("10.96.0.5");
  stored["k"] = 7;
  numbers.hold("k", {7, {claim}});
  stored.erase("k");
  EXPECT_TRUE(numbers.reserve(claim));
  see("k", {});  // the word of it comes
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
  see("k", {});
  EXPECT_FALSE(numbers.reserve(claim));
  numbers.settle(
      "k", [] { return std::nullopt; }, std::vector{claim});
  EXPECT_TRUE(numbers.reserve(claim));
}

TEST_F(Services, RangesThatAreOfferedGiveAddresses) {
  const auto cidr = [](const char* text) { return *Cidr::parse(text); };
  stored["old"] = 1;
  numbers.hold("old", {1, {address("10.97.0.2")}});
  EXPECT_FALSE(numbers.gives(*Address::parse("10.97.0.1")));
  EXPECT_TRUE(numbers.offer("more", {cidr("10.97.0.0/29"), cidr("fd00::/124")}).empty());
  EXPECT_TRUE(numbers.gives(*Address::parse("10.97.0.1")));
  EXPECT_TRUE(numbers.pick(true));
  while (numbers.taken(0) < 1 + 254) ASSERT_TRUE(numbers.pick(false));
  std::vector<std::string> more;
  while (const auto claim = numbers.pick(false)) more.push_back(numbers.address_of(*claim).text());
  std::ranges::sort(more);
  EXPECT_EQ(more, (std::vector<std::string>{"10.97.0.1", "10.97.0.3", "10.97.0.4", "10.97.0.5", "10.97.0.6"}));
  // Offered twice it goes with the second one, and what was given stays taken.
  numbers.offer("again", {cidr("10.97.0.0/29")});
  numbers.offer("more", {});
  EXPECT_TRUE(numbers.gives(*Address::parse("10.97.0.1")));
  EXPECT_FALSE(numbers.pick(true)) << "that one has no other";
  numbers.offer("again", {});
  EXPECT_FALSE(numbers.gives(*Address::parse("10.97.0.1")));
  EXPECT_FALSE(numbers.reserve(address("10.97.0.1")));
}

TEST_F(Services, RangesMayOverlapButGiveEachAddressOnce) {
  numbers.offer("wide", {*Cidr::parse("10.96.0.0/23")});
  ASSERT_TRUE(numbers.reserve(address("10.96.0.5")));
  std::set<std::string> seen{"10.96.0.5"};
  while (const auto claim = numbers.pick(false)) EXPECT_TRUE(seen.insert(numbers.address_of(*claim).text()).second);
  EXPECT_EQ(seen.size(), 510u);
  EXPECT_TRUE(seen.contains("10.96.0.255")) << "of the wider range it is one like others";
}

TEST_F(Services, ThereIsRoomForSoManyRanges) {
  for (uint32_t i = 0; i < ServiceNumbers::kMostRanges; ++i) {
    EXPECT_TRUE(numbers.offer("r" + std::to_string(i), {Cidr{(AddressBits{11} << 24) + (i << 8), 24, false}}).empty());
  }
  const auto late = *Cidr::parse("12.0.0.0/24");
  EXPECT_EQ(numbers.offer("late", {late}), std::vector{late});
  EXPECT_FALSE(numbers.gives(*Address::parse("12.0.0.1")));
  numbers.offer("r0", {});
  EXPECT_TRUE(numbers.offer("late", {late}).empty());
  EXPECT_TRUE(numbers.gives(*Address::parse("12.0.0.1")));
}

TEST_F(Services, SaysWhatTwoHave) {
  const auto claim = address("10.96.0.5");
  stored = {{"a", 1}, {"b", 2}};
  EXPECT_TRUE(numbers.hold("a", {1, {claim}}).empty());
  EXPECT_EQ(numbers.hold("b", {2, {claim}}), Claims{claim});
  see("b", {});
  EXPECT_FALSE(numbers.reserve(claim));
  see("a", {});
  EXPECT_TRUE(numbers.reserve(claim));
}

}  // namespace
}  // namespace gantry::network
