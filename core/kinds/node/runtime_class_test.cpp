// RuntimeClasses: rules, what stays, table.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::node_runtime_class_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Kind& classes() { return kind("node.k8s.io", "RuntimeClass"); }
std::string with(std::string_view fields) { return R"({"metadata":{"name":"r.s"},)" + std::string(fields) + "}"; }

TEST(RuntimeClass, NamesAHandler) {
  EXPECT_THAT(problems(classes(), with(R"("handler":"runc")")), IsEmpty());
  EXPECT_THAT(problems(classes(), with(R"("handler":"")")),
              ElementsAre(HasSubstr("handler: Invalid value: \"\": a lowercase RFC 1123 label must consist of")));
  EXPECT_THAT(problems(classes(), with(R"("handler":"a.b")")),
              ElementsAre("handler: Invalid value: \"a.b\": must not contain dots"));
  EXPECT_THAT(problems(classes(), with(R"("handler":"b")"), with(R"("handler":"a")")),
              ElementsAre("handler: Invalid value: \"b\": field is immutable"));
  EXPECT_THAT(
      problems(classes(), with(R"("handler":"a","scheduling":{"nodeSelector":{"a":"b c"}})"), with(R"("handler":"a")")),
      ElementsAre(HasSubstr("scheduling.nodeSelector: Invalid value: \"b c\"")));
  EXPECT_FALSE(classes().behavior->unconditional_update);
  EXPECT_TRUE(classes().behavior->create_on_update);
}

TEST(RuntimeClass, SaysWhatPodsCostAndWhereTheyGo) {
  const auto of_new = [](std::string_view more) {
    return problems(classes(), with(R"("handler":"h",)" + std::string(more)));
  };
  EXPECT_THAT(of_new(R"("overhead":{"podFixed":{"cpu":"250m","memory":"10Mi"}},"scheduling":{"nodeSelector":{"a":"b"},
                        "tolerations":[{"key":"a","operator":"Exists"}]})"),
              IsEmpty());
  EXPECT_THAT(
      of_new(R"("overhead":{"podFixed":{"storage":"1"}})"),
      ElementsAre(HasSubstr("overhead.limits[storage]: Invalid value: \"storage\": must be a standard resource")));
  EXPECT_THAT(of_new(R"("overhead":{"podFixed":{"cpu":"-1"}})").size(), 1U);
  EXPECT_THAT(of_new(R"("scheduling":{"nodeSelector":{"a":"b c"},"tolerations":[{"operator":"Equal"}]})"),
              ElementsAre(HasSubstr("scheduling.nodeSelector: Invalid value: \"b c\""),
                          HasSubstr("scheduling.tolerations[0].operator: Invalid value: \"Equal\"")));
}

TEST(RuntimeClass, ATableShowsTheHandler) {
  EXPECT_EQ(
      table_row_json(classes(), made(classes(), with(R"("handler":"runc")")), "{}", schema::IncludeObject::kNone, 0),
      R"({"cells":["r.s","runc","\u003cunknown\u003e"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::node_runtime_class_test
