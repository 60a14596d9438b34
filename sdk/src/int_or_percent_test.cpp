#include "gantry/int_or_percent.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace gantry::sdk {
namespace {

Expected<int32_t> scaled(const std::string& text, int32_t total, bool round_up) {
  k8s::io::apimachinery::pkg::util::intstr::IntOrString value;
  value.set_type(1);
  value.set_str_val(text);
  return scaled_value(value, total, round_up);
}

TEST(IntOrPercent, ANumberIsItself) {
  k8s::io::apimachinery::pkg::util::intstr::IntOrString value;
  value.set_int_val(7);
  EXPECT_EQ(*scaled_value(value, 100, true), 7);
  EXPECT_EQ(*scaled_value({}, 100, true), 0);
}

TEST(IntOrPercent, AShareIsRounded) {
  EXPECT_EQ(*scaled("25%", 10, true), 3);
  EXPECT_EQ(*scaled("25%", 10, false), 2);
  EXPECT_EQ(*scaled("30%", 10, true), 3);
  EXPECT_EQ(*scaled("30%", 10, false), 3);
  EXPECT_EQ(*scaled("-25%", 10, false), -3);
  EXPECT_EQ(*scaled("-25%", 10, true), -2);
  EXPECT_EQ(*scaled("0%", 10, true), 0);
  EXPECT_EQ(*scaled("250%", 2, false), 5);
}

TEST(IntOrPercent, EndsWhereNumbersDo) {
  EXPECT_EQ(*scaled("9223372036854775807%", 10, true), std::numeric_limits<int32_t>::max());
  EXPECT_EQ(*scaled("-9223372036854775808%", 10, true), std::numeric_limits<int32_t>::min());
  EXPECT_EQ(*scaled("9223372036854775807%", 0, true), 0);
  EXPECT_EQ(*scaled("100%", std::numeric_limits<int32_t>::max(), true), std::numeric_limits<int32_t>::max());
}

TEST(IntOrPercent, RefusesOtherTexts) {
  for (const char* text : {"", "%", "5", "x%", "5%%", "5 %", "+5%", "1.5%", "9223372036854775808%"}) {
    EXPECT_EQ(scaled(text, 10, true).error().code(), 422) << text;
  }
}

}  // namespace
}  // namespace gantry::sdk
