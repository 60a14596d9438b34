// ControllerRevisions: rules and table.
#include "core/schema/schema_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::apps_controller_revision_test {
namespace {

using schema::testing::document;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const schema::Kind& revision_kind() { return schema::testing::kind("apps", "ControllerRevision"); }

schema::Json revision(std::string_view data, std::string_view number, std::string_view owners = "[]") {
  return document(revision_kind(), R"({"metadata":{"name":"db-1","namespace":"default","ownerReferences":)" +
                                       std::string(owners) + "}" + (data.empty() ? "" : R"(,"data":)") +
                                       std::string(data) + R"(,"revision":)" + std::string(number) + "}");
}

std::vector<std::string> problems(const schema::Json& next, const schema::Json* old = nullptr) {
  std::vector<std::string> out;
  for (const auto& cause : validate(revision_kind(), next, old)) out.push_back(cause.field + ": " + cause.message);
  return out;
}

TEST(ControllerRevision, HasAStateThatNeverChanges) {
  const auto old = revision(R"({"spec":{"template":{"$patch":"replace"}}})", "1");
  EXPECT_THAT(problems(old), IsEmpty());
  EXPECT_THAT(problems(revision(R"({"spec":{"template":{"$patch":"replace"}}})", "2"), &old), IsEmpty());
  EXPECT_THAT(problems(revision("{}", "2"), &old), ElementsAre(::testing::EndsWith("field is immutable")));
  EXPECT_THAT(problems(revision("", "1")), ElementsAre("data: Required value: data is mandatory"));
  EXPECT_THAT(problems(revision("{}", "-1")),
              ElementsAre("revision: Invalid value: -1: must be greater than or equal to 0"));
}

TEST(ControllerRevision, ATableSaysWhoseStateItIs) {
  const auto cells = [](std::string_view owners) {
    return table_row_json(revision_kind(), revision("{}", "3", owners), "{}", schema::IncludeObject::kNone, 0);
  };
  EXPECT_EQ(cells("[]"), R"({"cells":["db-1","\u003cnone\u003e","3","\u003cunknown\u003e"],"object":null})");
  EXPECT_EQ(cells(R"([{"apiVersion":"v1","kind":"Pod","name":"p","uid":"1"},)"
                  R"({"apiVersion":"apps/v1","kind":"StatefulSet","name":"db","uid":"2","controller":true}])"),
            R"({"cells":["db-1","statefulset.apps/db","3","\u003cunknown\u003e"],"object":null})");
  EXPECT_EQ(cells(R"([{"apiVersion":"v1","kind":"Node","name":"n","uid":"1","controller":true}])"),
            R"({"cells":["db-1","node/n","3","\u003cunknown\u003e"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::apps_controller_revision_test
