// PodMetrics: what their containers use together, in their table. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds::metrics_pod_metrics {
namespace {

// Of all containers, each as `read` has it; one that can't be read counts as nothing.
int64_t total(const Row& row, std::string_view resource, int64_t (schema::Quantity::*read)() const) {
  int64_t sum = 0;
  const JsonArray* containers = list_at(row.document, "containers");
  if (containers == nullptr) return sum;
  for (const Json& container : *containers) {
    if (!container.is_object()) continue;
    const auto amount = schema::Quantity::parse(get_text(object_at(container.get_object(), "usage"), resource));
    if (amount && __builtin_add_overflow(sum, ((*amount).*read)(), &sum)) return INT64_MAX;
  }
  return sum;
}

void cpu(Row& row, std::string& out) {
  put(out, std::to_string(total(row, "cpu", &schema::Quantity::milli_value)) + "m");
}
void memory(Row& row, std::string& out) {
  put(out, std::to_string(total(row, "memory", &schema::Quantity::value) / 1024) + "Ki");
}

constexpr NamedCell kCells[] = {{"cpu", cpu}, {"memory", memory}};

}  // namespace

constinit const Behavior behavior{
    .group = "metrics.k8s.io", .kind = "PodMetrics", .version = "v1beta1", .cells = kCells};

}  // namespace gantry::kinds::metrics_pod_metrics
