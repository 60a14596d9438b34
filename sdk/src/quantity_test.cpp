#include "gantry/quantity.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace gantry::sdk {
namespace {

struct Case {
  const char* in;
  const char* out;
};

TEST(Quantity, CanonicalSpelling) {
  const Case kCases[] = {{"0", "0"},
                         {"0Mi", "0"},
                         {"0m", "0"},
                         {"1", "1"},
                         {"1000", "1k"},
                         {"1024", "1024"},
                         {"1024Mi", "1Gi"},
                         {"1025Mi", "1025Mi"},
                         {"512Mi", "512Mi"},
                         {"1000Mi", "1000Mi"},
                         {"1.5Gi", "1536Mi"},
                         {"0.5", "500m"},
                         {".5", "500m"},
                         {"0.5Gi", "512Mi"},
                         {"0.5Ki", "512"},
                         {"1Ki", "1Ki"},
                         {"1024Ki", "1Mi"},
                         {"500m", "500m"},
                         {"1000m", "1"},
                         {"1500m", "1500m"},
                         {"100m", "100m"},
                         {"1e3", "1e3"},
                         {"1E3", "1E3"},
                         {"1000e3", "1e6"},
                         {"10e3", "10e3"},
                         {"1.1E2", "110"},
                         {"12e6", "12e6"},
                         {"0.1", "100m"},
                         {"0.01", "10m"},
                         {"0.001", "1m"},
                         {"0.000001", "1u"},
                         {"0.0000000001", "1n"},
                         {"1n", "1n"},
                         {"0.1n", "1n"},
                         {"-1n", "-1n"},
                         {"1.7Gi", "1825361100800m"},
                         {"100k", "100k"},
                         {"1000k", "1M"},
                         {"3G", "3G"},
                         {"1Ei", "1Ei"},
                         {"7Ei", "7Ei"},
                         {"9Ei", "9223372036854775807"},
                         {"1E", "1E"},
                         {"-5", "-5"},
                         {"-0.5", "-500m"},
                         {"1.", "1."},
                         {"00012", "00012"},
                         {"1.0", "1"},
                         {"1.234", "1.234"},
                         {"2.50", "2500m"},
                         {"1023", "1023"},
                         {"1023Ki", "1023Ki"},
                         {"128974848", "128974848"},
                         {"129e6", "129e6"},
                         {"129M", "129M"},
                         {"123Mi", "123Mi"},
                         {"123456789012345678901", "123456789012345678901"},
                         {"5Gi", "5Gi"},
                         {"8Gi", "8Gi"},
                         {"16384Mi", "16Gi"},
                         {"250m", "250m"},
                         {"0.25", "250m"},
                         {"4", "4"},
                         {"100", "100"}};
  for (const Case& c : kCases) {
    auto quantity = Quantity::parse(c.in);
    ASSERT_TRUE(quantity.ok()) << c.in;
    EXPECT_EQ(quantity->to_string(), c.out) << c.in;
    auto again = Quantity::parse(quantity->to_string());
    ASSERT_TRUE(again.ok()) << c.out;
    EXPECT_EQ(again->compare(*quantity), 0) << c.in;
    EXPECT_EQ(again->to_string(), c.out) << c.in;
  }
}

TEST(Quantity, Refuses) {
  for (const char* text : {"", "abc", "1.1.M", "1+1.0M", "0.1mi", "0.1am", "1i", "-3.01i", "-3.01e-", " 1", "1 ",
                           "1Kib", "1e99999999999", "1MM", "--1", "1e+", "true"}) {
    EXPECT_FALSE(Quantity::parse(text).ok()) << text;
  }
}

TEST(Quantity, RoundsUpAndSaturates) {
  auto value = [](const char* text) { return Quantity::parse(text)->value(); };
  auto milli = [](const char* text) { return Quantity::parse(text)->milli_value(); };
  EXPECT_EQ(value("1.1"), 2);
  EXPECT_EQ(value("-1.1"), -2);
  EXPECT_EQ(value("1n"), 1);
  EXPECT_EQ(value("1Gi"), int64_t{1} << 30);
  EXPECT_EQ(value("1e30"), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(value("-1e30"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(milli("0.5"), 500);
  EXPECT_EQ(milli("1u"), 1);
  EXPECT_EQ(milli("2"), 2000);
  EXPECT_EQ(milli("1e1000000"), std::numeric_limits<int64_t>::max());
}

TEST(Quantity, Compares) {
  auto compare = [](const char* a, const char* b) { return Quantity::parse(a)->compare(*Quantity::parse(b)); };
  EXPECT_EQ(compare("1Gi", "1024Mi"), 0);
  EXPECT_LT(compare("999m", "1"), 0);
  EXPECT_GT(compare("1Gi", "1G"), 0);
  EXPECT_TRUE(Quantity::parse("-1")->negative());
}

}  // namespace
}  // namespace gantry::sdk
