// LimitRanges: defaults of containers, limits that fit each other, and the table.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::core_limit_range_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Kind& ranges() { return kind("", "LimitRange"); }
std::string with(std::string_view items) {
  return R"({"metadata":{"name":"l","namespace":"default"},"spec":{"limits":[)" + std::string(items) + "]}}";
}
Problems of_new(std::string_view items) { return problems(ranges(), with(items)); }

TEST(LimitRange, ContainersGetDefaults) {
  const auto json = [](std::string_view text) { return schema::encode_json(*ranges().message, made(ranges(), text)); };
  EXPECT_EQ(json(with(R"({"type":"Container","max":{"cpu":"2"},"min":{"memory":"1Mi"},"default":{"memory":"2Mi"}})")),
            R"({"metadata":{"name":"l","namespace":"default"},"spec":{"limits":[)"
            R"({"type":"Container","max":{"cpu":"2"},"min":{"memory":"1Mi"},"default":{"cpu":"2","memory":"2Mi"},)"
            R"("defaultRequest":{"cpu":"2","memory":"2Mi"}}]}})");
  EXPECT_THAT(json(with(R"({"type":"Container","min":{"cpu":"1"}})")),
              HasSubstr(R"("min":{"cpu":"1"},"defaultRequest":{"cpu":"1"})"));
  EXPECT_THAT(json(with(R"({"type":"Pod","max":{"cpu":"2"}})")), HasSubstr(R"({"type":"Pod","max":{"cpu":"2"}}])"));
  EXPECT_THAT(json(R"({"metadata":{"name":"l"},"spec":{}})"), HasSubstr(R"("spec":{"limits":null})"));
}

TEST(LimitRange, HasEachTypeOnce) {
  EXPECT_THAT(of_new(R"({"type":"Pod","max":{"cpu":"1"}},{"type":"Container","max":{"cpu":"1"}},{"type":"a.b/c"})"),
              IsEmpty());
  EXPECT_THAT(of_new(R"({"type":"Pod"},{"type":"Pod"})"), ElementsAre("spec.limits[1].type: Duplicate value: \"Pod\""));
  EXPECT_THAT(of_new(R"({"type":"Node"})"),
              ElementsAre("spec.limits[0].type: Invalid value: \"Node\": must be a standard limit type or fully "
                          "qualified"));
  EXPECT_THAT(of_new("{}"),
              ElementsAre(HasSubstr("spec.limits[0].type: Invalid value: \"\": name part must be non-empty"),
                          HasSubstr("name part must consist of")));
  EXPECT_THAT(of_new(R"({"type":"Pod","default":{"cpu":"1"},"defaultRequest":{"cpu":"1"}})"),
              ElementsAre("spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
                          "spec.limits[0].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'"));
  EXPECT_THAT(of_new(R"({"type":"PersistentVolumeClaim"})"),
              ElementsAre("spec.limits[0].limits: Required value: either minimum or maximum storage value is required, "
                          "but neither was provided"));
  EXPECT_THAT(of_new(R"({"type":"PersistentVolumeClaim","max":{"storage":"1"}})"), IsEmpty());
}

TEST(LimitRange, NamesResourcesThatTheTypeHas) {
  EXPECT_THAT(of_new(R"({"type":"Pod","max":{"storage":"1"}})"),
              ElementsAre("spec.limits[0].max[storage]: Invalid value: \"storage\": must be a standard resource for "
                          "containers"));
  EXPECT_THAT(
      of_new(R"({"type":"Pod","min":{"gold":"1"}})"),
      ElementsAre("spec.limits[0].min[gold]: Invalid value: \"gold\": must be a standard resource type or fully "
                  "qualified",
                  "spec.limits[0].min[gold]: Invalid value: \"gold\": must be a standard resource for "
                  "containers"));
  EXPECT_THAT(
      of_new(R"({"type":"a/b","max":{"gold":"1"}})"),
      ElementsAre("spec.limits[0].max[gold]: Invalid value: \"gold\": must be a standard resource type or fully "
                  "qualified"));
  EXPECT_THAT(of_new(R"({"type":"Pod","maxLimitRequestRatio":{"requests.a/b":"2"}})"),
              ElementsAre("spec.limits[0].maxLimitRequestRatio[requests.a/b]: Invalid value: \"requests.a/b\": doesn't "
                          "follow extended resource name standard"));
}

TEST(LimitRange, LimitsFitEachOther) {
  const auto container = [](std::string_view rest) {
    return of_new(R"({"type":"Container",)" + std::string(rest) + "}");
  };
  EXPECT_THAT(
      container(R"("min":{"cpu":"2"},"max":{"cpu":"1"},"default":{"cpu":"3"},"defaultRequest":{"cpu":"4"})"),
      ElementsAre("spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
                  "spec.limits[0].defaultRequest[cpu]: Invalid value: \"4\": default request value 4 is greater "
                  "than max value 1",
                  "spec.limits[0].defaultRequest[cpu]: Invalid value: \"4\": default request value 4 is greater "
                  "than default limit value 3",
                  "spec.limits[0].default[cpu]: Invalid value: \"1\": default value 3 is greater than max value "
                  "1"));
  EXPECT_THAT(
      container(R"("min":{"cpu":"2"},"default":{"cpu":"1"},"defaultRequest":{"cpu":"1"})"),
      ElementsAre("spec.limits[0].defaultRequest[cpu]: Invalid value: \"1\": min value 2 is greater than default "
                  "request value 1",
                  "spec.limits[0].default[cpu]: Invalid value: \"2\": min value 2 is greater than default value "
                  "1"));
  EXPECT_THAT(container(R"("maxLimitRequestRatio":{"cpu":"500m"})"),
              ElementsAre("spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"500m\": ratio 500m is less than "
                          "1"));
  EXPECT_THAT(container(R"("min":{"cpu":"1"},"max":{"cpu":"2500m"},"maxLimitRequestRatio":{"cpu":"3"})"),
              ElementsAre("spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: \"3\": ratio 3 is greater than "
                          "max/min = 2.500000"));
  EXPECT_THAT(container(R"("min":{"cpu":"1"},"max":{"cpu":"3"},"maxLimitRequestRatio":{"cpu":"3"})"), IsEmpty());
  EXPECT_THAT(container(R"("min":{"memory":"10Pi"},"max":{"memory":"20Pi"},"maxLimitRequestRatio":{"memory":"2"})"),
              IsEmpty())
      << "of which thousandths can't be counted";
  EXPECT_THAT(container(R"("min":{"cpu":"0"},"max":{"cpu":"3"},"maxLimitRequestRatio":{"cpu":"3"})"), IsEmpty());
  EXPECT_THAT(container(R"("default":{"a/b":"2"},"defaultRequest":{"a/b":"1"})"),
              ElementsAre("spec.limits[0].defaultRequest[a/b]: Invalid value: \"1\": default value 2 must equal to "
                          "defaultRequest value 1 in a/b"));
  EXPECT_THAT(container(R"("default":{"cpu":"2"},"defaultRequest":{"cpu":"1"})"), IsEmpty());
}

TEST(LimitRange, ATableShowsWhenItWasMade) {
  EXPECT_EQ(table_row_json(ranges(), made(ranges(), R"({"metadata":{"name":"l",
                           "creationTimestamp":"2026-01-01T00:00:00Z"}})"),
                           "{}", schema::IncludeObject::kNone, 0),
            R"({"cells":["l","2026-01-01T00:00:00Z"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::core_limit_range_test
