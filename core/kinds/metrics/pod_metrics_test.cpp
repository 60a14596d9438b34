// PodMetrics: their table.
#include "core/schema/schema_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::metrics_pod_metrics_test {
namespace {

std::string row(std::string_view containers) {
  const auto& kind = schema::testing::kind("metrics.k8s.io", "PodMetrics", "v1beta1");
  const auto usage = schema::testing::document(
      kind, R"({"metadata":{"name":"web","namespace":"default"},"timestamp":"2026-11-28T10:00:00Z","window":"15s",)"
            R"("containers":)" +
                std::string(containers) + "}");
  return table_row_json(kind, usage, "{}", schema::IncludeObject::kNone, 0);
}

TEST(PodMetrics, ATableAddsUpTheContainers) {
  EXPECT_EQ(
      row(R"([{"name":"a","usage":{"cpu":"250000001n","memory":"1024Ki"}},{"name":"b","usage":{"cpu":"1","memory":"1Mi"}}])"),
      R"({"cells":["web","1251m","2048Ki","15s"],"object":null})");
  EXPECT_EQ(row("[]"), R"({"cells":["web","0m","0Ki","15s"],"object":null})");
}

}  // namespace
}  // namespace gantry::kinds::metrics_pod_metrics_test
