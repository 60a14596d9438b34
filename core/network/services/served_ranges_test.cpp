#include "core/network/services/served_ranges.hpp"

#include <gtest/gtest.h>

#include "core/network/services/service_numbers.hpp"

namespace gantry::network {
namespace {

struct Served : testing::Test {
  explicit Served(const std::vector<std::string>& configured = {"10.96.0.0/24"})
      : ranges(*ServiceRanges::parse(configured, "30000-30099")) {}
  bool put(const std::string& name, const std::vector<std::string>& cidrs, int64_t created = 0, bool ready = false) {
    ServedRanges::Offer offer{{}, ready, created};
    for (const auto& text : cidrs) offer.ranges.push_back(*Cidr::parse(text));
    return ranges.put(name, std::move(offer));
  }
  static std::string range(size_t i) { return "10.99." + std::to_string(i) + ".0/24"; }
  // Of "" nothing is missing.
  std::string why(const std::string& name) const {
    const auto answer = ranges.answer(name);
    return answer.all ? "" : (answer.any ? "some: " : "none: ") + answer.reason + ": " + answer.message;
  }
  ServedRanges ranges;
};
struct ServedDual : Served {
  ServedDual() : Served({"10.96.0.0/24", "fd00::/120"}) {}
};

TEST_F(Served, AFamilyThatTheClusterHasNotIsNot) {
  EXPECT_FALSE(put("kubernetes", {"10.96.0.0/24"})) << "it always is";
  EXPECT_TRUE(put("more", {"10.99.0.0/24"}));
  put("six", {"fd01::/120"});
  put("both", {"fd02::/120", "10.98.0.0/24"});
  EXPECT_EQ(why("kubernetes"), "");
  EXPECT_EQ(why("more"), "");
  EXPECT_EQ(why("six"),
            "none: FamilyNotConfigured: no Service gets an address from fd01::/120: the cluster is not "
            "configured for IPv6");
  EXPECT_EQ(why("both"),
            "some: FamilyNotConfigured: no Service gets an address from fd02::/120: the cluster is not "
            "configured for IPv6");
  EXPECT_EQ(why("none"), "");
}

TEST_F(ServedDual, BothAreWhereTheClusterHasBoth) {
  put("both", {"10.98.0.0/24", "fd02::/120"});
  EXPECT_EQ(why("both"), "");
}

TEST_F(Served, ThereIsRoomForSoMany) {
  constexpr size_t kMost = ServiceNumbers::kMostRanges;
  for (size_t i = 0; i < kMost; ++i) EXPECT_TRUE(put("r" + std::to_string(i), {range(i)}, 5, true));
  EXPECT_FALSE(put("older", {range(100)}, 1)) << "who has been served stays";
  EXPECT_FALSE(put("twin", {range(3)}, 9, true));
  EXPECT_FALSE(put("younger", {range(101)}, 7));
  const std::string none = "none: TooManyRanges: no Service gets an address from 10.99.100.0/24: there are 64 others";
  EXPECT_EQ(why("older"), none);
  EXPECT_EQ(why("twin"), "") << "another one offers the same range";
  EXPECT_EQ(why("r63"), "");
  EXPECT_FALSE(ranges.drop("r3")) << "the twin has it";
  EXPECT_TRUE(ranges.drop("twin"));
  EXPECT_EQ(why("older"), "");
  EXPECT_NE(why("younger"), "");
  EXPECT_FALSE(ranges.drop("younger"));
  EXPECT_FALSE(ranges.drop("younger"));
}

}  // namespace
}  // namespace gantry::network
