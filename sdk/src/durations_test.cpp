#include "gantry/durations.hpp"

#include <gtest/gtest.h>

namespace gantry::sdk {
namespace {

TEST(Durations, ThereAndBack) {
  for (const char* text :
       {"0s", "1s", "1m0s", "1h30m0s", "1.5s", "100ms", "-2m0s", "1ns", "1.5\xc2\xb5s", "2555555h0m0s"}) {
    const auto nanos = parse_duration(text);
    ASSERT_TRUE(nanos) << text;
    EXPECT_EQ(format_duration(*nanos), text);
  }
  EXPECT_EQ(*parse_duration("0"), 0);
  EXPECT_EQ(*parse_duration("+1.5h"), 5'400'000'000'000);
  EXPECT_EQ(*parse_duration("1h1m1s1ms1us1ns"), 3'661'001'001'001);
  EXPECT_EQ(*parse_duration("1\xce\xbcs"), 1'000);
}

TEST(Durations, Refuses) {
  for (const char* text : {"", "1", "1d", "-", "+", "s", "1s1", "1h 2m", " 1s", "1e3s", "--1s", "1h-1m", "nans", "infs",
                           "9999999h", "nan", "1mm"}) {
    EXPECT_EQ(parse_duration(text).error().code(), 400) << text;
  }
  const auto why = [](std::string_view text) { return parse_duration(text).error().message(); };
  EXPECT_EQ(why("1h 2m"), "time: unknown unit \"h \" in duration \"1h 2m\"");
  EXPECT_EQ(why("1"), "time: missing unit in duration \"1\"");
  EXPECT_EQ(why(".s"), "time: invalid duration \".s\"");
  EXPECT_EQ(why("a\"\n"), "time: invalid duration \"a\\\"\\x0a\"");
  EXPECT_EQ(why(std::string(1000, 'x')).size(), std::string_view("time: invalid duration \"\"").size() + 200);
}

}  // namespace
}  // namespace gantry::sdk
