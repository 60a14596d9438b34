// Which addresses are left without a range, and that a change costs what it touches.
#include "core/network/services/range_cover.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <vector>

namespace gantry::network {
namespace {

Cidr range_of(const std::string& text) { return *Cidr::parse(text); }
Address address_of(const std::string& text) { return *Address::parse(text); }

TEST(RangeCover, AnAddressIsLeftOutWhenNoRangeGivesIt) {
  RangeCover cover;
  const auto all = range_of("10.0.0.0/16"), half = range_of("10.0.0.0/25");
  cover.add(half);
  cover.give(address_of("10.0.0.7"));
  EXPECT_FALSE(cover.leaves_out(all));
  cover.give(address_of("10.0.0.127"));  // a range of IPv4 does not give its last one
  EXPECT_TRUE(cover.leaves_out(all));
  EXPECT_TRUE(cover.leaves_out(half));
  cover.add(range_of("10.0.0.0/24"));
  EXPECT_FALSE(cover.leaves_out(all));
  cover.remove(half);
  EXPECT_FALSE(cover.leaves_out(all));
  cover.remove(range_of("10.0.0.0/24"));
  EXPECT_TRUE(cover.leaves_out(range_of("10.0.0.7/32")));
  EXPECT_FALSE(cover.leaves_out(range_of("10.0.0.8/29")));
  cover.take_back(address_of("10.0.0.127"));
  EXPECT_TRUE(cover.leaves_out(all));
  cover.take_back(address_of("10.0.0.7"));
  EXPECT_FALSE(cover.leaves_out(all));
}

TEST(RangeCover, OneThatSeveralHaveStaysUntilTheLastIsGone) {
  RangeCover cover;
  const auto range = range_of("fd00::/120");
  cover.add(range);
  cover.add(range);
  cover.give(address_of("fd00::5"));
  cover.remove(range);
  EXPECT_FALSE(cover.leaves_out(range));
  cover.remove(range);
  EXPECT_TRUE(cover.leaves_out(range));
  cover.remove(range);
  cover.add(range);
  EXPECT_FALSE(cover.leaves_out(range));
}

TEST(RangeCover, FamiliesAreApart) {
  RangeCover cover;
  cover.add(range_of("::/0"));
  cover.give(address_of("0.0.0.5"));
  EXPECT_TRUE(cover.leaves_out(range_of("0.0.0.0/0")));
  EXPECT_FALSE(cover.leaves_out(range_of("::/0")));
  EXPECT_FALSE(cover.contains(range_of("10.0.0.0/8")));
}

TEST(RangeCover, WhatIsAsWideContains) {
  RangeCover cover;
  cover.add(range_of("10.0.0.0/16"));
  EXPECT_TRUE(cover.contains(range_of("10.0.0.0/16")));
  EXPECT_TRUE(cover.contains(range_of("10.0.3.0/24")));
  EXPECT_FALSE(cover.contains(range_of("10.0.0.0/15")));
  EXPECT_FALSE(cover.contains(range_of("10.1.0.0/24")));
}

TEST(RangeCover, AllOfThemAreGivenAnew) {
  RangeCover cover;
  cover.give(address_of("10.0.0.7"));
  cover.give_all(std::vector{address_of("10.1.0.7")});
  EXPECT_FALSE(cover.leaves_out(range_of("10.0.0.0/16")));
  EXPECT_TRUE(cover.leaves_out(range_of("10.1.0.0/16")));
}

}  // namespace
}  // namespace gantry::network
