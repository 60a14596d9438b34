// Times and ages.
#include "core/schema/values/times.hpp"

#include <gtest/gtest.h>

#include "core/schema/values/values.hpp"

namespace gantry::schema {
namespace {

TEST(Times, ParseToUtc) {
  EXPECT_EQ(*parse_time("1970-01-01T00:00:01Z"), 1000000000);
  EXPECT_EQ(*parse_time("2024-02-29T23:59:59+02:00"), *parse_time("2024-02-29T21:59:59Z"));
  EXPECT_EQ(*parse_time("1970-01-01T00:00:00.25Z"), 250000000);
  EXPECT_EQ(format_time(*parse_time("2024-02-29T01:00:00-05:30")), "2024-02-29T06:30:00Z");
  EXPECT_EQ(format_micro_time(1500000), "1970-01-01T00:00:00.001500Z");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59Z");
}

TEST(Times, Refuse) {
  for (const char* text :
       {"", "x", "2024-13-01T00:00:00Z", "2023-02-29T00:00:00Z", "2024-01-01 00:00:00Z", "2024-01-01T00:00:00",
        "2024-01-01T24:00:00Z", "2024-01-01T00:00:00Zx", "2024-01-01T00:00:00.Z"}) {
    EXPECT_FALSE(parse_time(text).ok()) << text;
  }
  EXPECT_TRUE(parse_moment("0001-01-01T00:00:00Z")->is_zero());
  EXPECT_FALSE(parse_time("9999-01-01T00:00:00Z").ok());
}

TEST(Times, RefuseInGosWords) {
  const auto error = [](std::string_view text, bool micro = false) {
    return parse_moment(text, micro).error().message();
  };
  const std::string layout = " as \"2006-01-02T15:04:05Z07:00\": cannot parse ";
  EXPECT_EQ(error("abc"), "parsing time \"abc\"" + layout + "\"abc\" as \"2006\"");
  EXPECT_EQ(error("2024-01-01 00:00:00Z"),
            "parsing time \"2024-01-01 00:00:00Z\"" + layout + "\" 00:00:00Z\" as \"T\"");
  EXPECT_EQ(error("2024-13-01T00:00:00Z"), "parsing time \"2024-13-01T00:00:00Z\": month out of range");
  EXPECT_EQ(error("2023-02-29T00:00:00Z"), "parsing time \"2023-02-29T00:00:00Z\": day out of range");
  EXPECT_EQ(error("2024-01-01T24:00:00Z"), "parsing time \"2024-01-01T24:00:00Z\": hour out of range");
  EXPECT_EQ(error("2024-01-01T00:00:00.Z"), "parsing time \"2024-01-01T00:00:00.Z\"" + layout + "\".Z\" as \"Z07:00\"");
  EXPECT_EQ(error("2024-01-01T00:00:00Zx"), "parsing time \"2024-01-01T00:00:00Zx\": extra text: \"x\"");
  EXPECT_EQ(error("2024-01-01T00:00:00Z", true),
            "parsing time \"2024-01-01T00:00:00Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"Z\" as "
            "\".000000\"");
  EXPECT_EQ(parse_moment("2024-01-01T00:00:00.123456Z", true)->nanos, 123456000);
  EXPECT_FALSE(parse_moment("2024-01-01T00:00:00.1234567Z", true).ok());
}

TEST(Times, HumanDuration) {
  EXPECT_EQ(human_duration(5), "5s");
  EXPECT_EQ(human_duration(119), "119s");
  EXPECT_EQ(human_duration(125), "2m5s");
  EXPECT_EQ(human_duration(3600), "60m");
  EXPECT_EQ(human_duration(3 * 3600 + 60), "3h1m");
  EXPECT_EQ(human_duration(2 * 86400 + 3 * 3600), "2d3h");
  EXPECT_EQ(human_duration(-5), "<invalid>");
}

}  // namespace
}  // namespace gantry::schema
