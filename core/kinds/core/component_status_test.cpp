// ComponentStatuses: what is said of a part, and the table.
#include "core/kinds/cases_testing.hpp"

namespace gantry::kinds::core_component_status_test {
namespace {

const Kind& components() { return kind("", "ComponentStatus"); }

std::string described(std::string_view trouble) {
  Json component = parsed(R"({"metadata":{"name":"scheduler"}})");
  components().behavior->describe_part(component.as_object(), trouble);
  return boost::json::serialize(component);
}

TEST(ComponentStatus, SaysHowAPartIs) {
  EXPECT_EQ(described(""),
            R"({"metadata":{"name":"scheduler"},"conditions":[{"type":"Healthy","status":"True","message":"ok"}]})");
  EXPECT_EQ(described("gone"),
            R"({"metadata":{"name":"scheduler"},"conditions":[{"type":"Healthy","status":"False","error":"gone"}]})");
}

TEST(ComponentStatus, ATableShowsHowItIs) {
  EXPECT_EQ(cells(components(), described("")), R"(["scheduler","Healthy","ok",""])");
  EXPECT_EQ(cells(components(), described("gone")), R"(["scheduler","Unhealthy","","gone"])");
  EXPECT_EQ(cells(components(), R"({"metadata":{"name":"scheduler"}})"), R"(["scheduler","Unknown","",""])");
}

}  // namespace
}  // namespace gantry::kinds::core_component_status_test
