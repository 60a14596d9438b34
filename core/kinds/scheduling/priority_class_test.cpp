// PriorityClasses: the system's own, bounds, what stays, table.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::scheduling_priority_class_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Kind& classes() { return kind("scheduling.k8s.io", "PriorityClass"); }
std::string named(std::string_view name, std::string_view fields) {
  return R"({"metadata":{"name":")" + std::string(name) + "\"}" + std::string(fields) + "}";
}
Problems of_new(std::string_view name, std::string_view fields) { return problems(classes(), named(name, fields)); }

TEST(PriorityClass, Defaults) {
  EXPECT_EQ(schema::encode_json(*classes().message, made(classes(), named("a", ""))),
            R"({"metadata":{"name":"a"},"value":0,"preemptionPolicy":"PreemptLowerPriority"})");
}

TEST(PriorityClass, HasAValueBelowTheSystems) {
  EXPECT_THAT(of_new("a", R"(,"value":1000000000,"preemptionPolicy":"Never","globalDefault":true)"), IsEmpty());
  EXPECT_THAT(of_new("a", R"(,"value":-2147483648)"), IsEmpty());
  EXPECT_THAT(of_new("a", R"(,"value":1000000001)"),
              ElementsAre("value: Forbidden: maximum allowed value of a user defined priority is 1000000000"));
  EXPECT_THAT(of_new("a", R"(,"preemptionPolicy":"Ask")"),
              ElementsAre("preemptionPolicy: Unsupported value: \"Ask\": supported values: \"PreemptLowerPriority\", "
                          "\"Never\""));
}

TEST(PriorityClass, NamesOfTheSystemAreItsOwn) {
  const std::string reserved =
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: ";
  EXPECT_THAT(of_new("system-node-critical", R"(,"value":2000001000)"), IsEmpty());
  EXPECT_THAT(of_new("system-cluster-critical", R"(,"value":2000000000)"), IsEmpty());
  EXPECT_THAT(of_new("system-mine", R"(,"value":1)"),
              ElementsAre(reserved + "system-mine is not a known system priority class"));
  EXPECT_THAT(of_new("system-node-critical", R"(,"value":1)"),
              ElementsAre(reserved + "value of system-node-critical PriorityClass must be 2000001000"));
  EXPECT_THAT(of_new("system-node-critical", R"(,"value":2000001000,"globalDefault":true)"),
              ElementsAre(reserved + "globalDefault of system-node-critical PriorityClass must be false"));
}

TEST(PriorityClass, TheSystemsOwnAreMadeByName) {
  EXPECT_THAT(std::vector<std::string_view>(classes().behavior->initial.begin(), classes().behavior->initial.end()),
              ElementsAre("system-node-critical", "system-cluster-critical"));
  for (std::string_view name : classes().behavior->initial) {
    Json made_by_name = made(classes(), named(name, ""));
    classes().behavior->create(made_by_name.as_object());
    EXPECT_THAT(lines(validate(classes(), made_by_name)), IsEmpty());
    EXPECT_EQ(made_by_name.at("metadata").at("generation"), 1);
  }
  Json given = made(classes(), named("system-node-critical", R"(,"value":7)"));
  classes().behavior->create(given.as_object());
  EXPECT_EQ(given.at("value"), 7);
}

TEST(PriorityClass, ItsValueStays) {
  const auto change = [](std::string_view fields) {
    return problems(classes(), named("a", fields), named("a", R"(,"value":1)"));
  };
  EXPECT_THAT(change(R"(,"value":1,"description":"new","globalDefault":true)"), IsEmpty());
  EXPECT_THAT(change(R"(,"value":2)"), ElementsAre("value: Forbidden: may not be changed in an update."));
  EXPECT_THAT(change(R"(,"value":1,"preemptionPolicy":"Never")"),
              ElementsAre("preemptionPolicy: Invalid value: \"Never\": field is immutable"));
}

TEST(PriorityClass, ATableShowsTheValue) {
  EXPECT_EQ(table_row_json(classes(), made(classes(), named("a", R"(,"value":5,"globalDefault":true)")), "{}",
                           schema::IncludeObject::kNone, 0),
            R"({"cells":["a",5,true,"\u003cunknown\u003e","PreemptLowerPriority"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::scheduling_priority_class_test
