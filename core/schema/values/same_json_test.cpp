#include "core/schema/values/same_json.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <string_view>

namespace gantry::schema {
namespace {

bool same(std::string_view a, std::string_view b) {
  const auto left = boost::json::parse(a), right = boost::json::parse(b);
  const bool answer = same_json(left, right);
  EXPECT_EQ(answer, same_json(right, left)) << a << " " << b;
  EXPECT_EQ(answer, left == right) << a << " " << b;  // slow, but right
  return answer;
}

TEST(SameJson, ScalarsByKindAndValue) {
  EXPECT_TRUE(same("null", "null"));
  EXPECT_TRUE(same("1", "1"));
  EXPECT_TRUE(same(R"("x")", R"("x")"));
  EXPECT_FALSE(same("1", "2"));
  EXPECT_FALSE(same("1", "1.0"));
  EXPECT_FALSE(same("0", "false"));
  EXPECT_FALSE(same("null", "{}"));
  EXPECT_TRUE(same_json(boost::json::value(int64_t{7}), boost::json::value(uint64_t{7})));
}

TEST(SameJson, ArraysInOrder) {
  EXPECT_TRUE(same("[1,[2,{}]]", "[1,[2,{}]]"));
  EXPECT_FALSE(same("[1,2]", "[2,1]"));
  EXPECT_FALSE(same("[1]", "[1,1]"));
  EXPECT_FALSE(same("[]", "{}"));
}

TEST(SameJson, ObjectsInAnyOrder) {
  EXPECT_TRUE(same(R"({"a":1,"b":{"c":[1],"d":2}})", R"({"b":{"d":2,"c":[1]},"a":1})"));
  EXPECT_FALSE(same(R"({"a":1,"b":2})", R"({"a":1,"c":2})"));
  EXPECT_FALSE(same(R"({"a":1})", R"({"a":1,"b":null})"));
  EXPECT_FALSE(same(R"({"a":{"b":{"c":1}}})", R"({"a":{"b":{"c":2}}})"));
}

}  // namespace
}  // namespace gantry::schema
