#include "core/network/range_pool.hpp"

#include <gtest/gtest.h>

namespace gantry::network {
namespace {

Cidr cidr(const char* text) { return *Cidr::parse(text); }

TEST(Cidr, ParsesPrintsAndCompares) {
  EXPECT_EQ(Cidr::parse("10.42.7.9/16")->text(), "10.42.0.0/16");
  EXPECT_EQ(Cidr::parse("fd00:42:0:7::1/48")->text(), "fd00:42::/48");
  EXPECT_EQ(Cidr::parse("::/0")->text(), "::/0");
  EXPECT_EQ(Cidr::parse("255.255.255.255/32")->text(), "255.255.255.255/32");
  for (const char* bad : {"", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/8x", "10.0.0.0/", "x/8", "fd00::/129",
                          "fd00::", "10.0.0.0/-1", "1:2/8"}) {
    EXPECT_FALSE(Cidr::parse(bad).ok()) << bad;
  }
  EXPECT_TRUE(cidr("10.0.0.0/8").overlaps(cidr("10.42.0.0/16")));
  EXPECT_FALSE(cidr("10.42.0.0/24").overlaps(cidr("10.42.1.0/24")));
  EXPECT_TRUE(cidr("fd00::/8").overlaps(cidr("fd00:42::/48")));
  EXPECT_FALSE(cidr("fd00:42::/64").overlaps(cidr("fd00:42:0:1::/64")));
  EXPECT_FALSE(cidr("0.0.0.0/0").overlaps(cidr("::/0"))) << "not across the families";
}

TEST(RangePool, GivesTheLowestFreeRangeUntilNoneIsLeft) {
  RangePool pool(cidr("10.42.0.0/22"), 24);
  EXPECT_EQ(pool.next()->text(), "10.42.0.0/24");
  for (const char* taken : {"10.42.0.0/24", "10.42.1.0/24", "10.42.3.0/24"}) pool.take(cidr(taken));
  EXPECT_EQ(pool.next()->text(), "10.42.2.0/24");
  pool.take(cidr("10.42.2.0/24"));
  EXPECT_EQ(pool.next().error().message(), "every /24 of 10.42.0.0/22 belongs to a node");
  pool.give_back(cidr("10.42.1.0/24"));
  EXPECT_EQ(pool.next()->text(), "10.42.1.0/24");
}

TEST(RangePool, OfIPv6) {
  RangePool pool(cidr("fd00:42::/48"), 64);
  EXPECT_EQ(pool.next()->text(), "fd00:42::/64");
  pool.take(cidr("fd00:42::/64"));
  EXPECT_EQ(pool.next()->text(), "fd00:42:0:1::/64");
}

// Somebody may have given a node a range of another size.
TEST(RangePool, WhatIsWiderOrNarrowerCountsWhereItLies) {
  RangePool pool(cidr("10.42.0.0/22"), 24);
  pool.take(cidr("10.42.0.0/23"));
  EXPECT_EQ(pool.next()->text(), "10.42.2.0/24");
  pool.take(cidr("10.42.2.128/26"));
  EXPECT_EQ(pool.next()->text(), "10.42.3.0/24");
  pool.take(cidr("10.0.0.0/8"));
  EXPECT_FALSE(pool.next().ok());
  pool.give_back(cidr("10.0.0.0/8"));
  EXPECT_EQ(pool.next()->text(), "10.42.3.0/24");
  pool.take(cidr("10.43.0.0/24"));
  pool.take(cidr("fd00::/8"));
  EXPECT_EQ(pool.next()->text(), "10.42.3.0/24") << "what is elsewhere counts not";
}

TEST(RangePool, ARangeThatTwoHaveIsFreeWhenBothAreGone) {
  RangePool pool(cidr("10.42.0.0/23"), 24);
  pool.take(cidr("10.42.0.0/24"));
  pool.take(cidr("10.42.0.0/24"));
  pool.give_back(cidr("10.42.0.0/24"));
  EXPECT_EQ(pool.next()->text(), "10.42.1.0/24");
  pool.give_back(cidr("10.42.0.0/24"));
  EXPECT_EQ(pool.next()->text(), "10.42.0.0/24");
  pool.give_back(cidr("10.42.0.0/24"));
  EXPECT_EQ(pool.next()->text(), "10.42.0.0/24") << "once too often is nothing";
}

TEST(RangePool, APrefixThatDoesNotFitIsTheNextThatDoes) {
  EXPECT_EQ(RangePool(cidr("10.42.0.0/28"), 24).next()->text(), "10.42.0.0/28");
  EXPECT_EQ(RangePool(cidr("10.42.0.0/16"), 32).next()->text(), "10.42.0.0/30");
}

}  // namespace
}  // namespace gantry::network
