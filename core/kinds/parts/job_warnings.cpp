// Owns what is told of Jobs. Pure, any thread.
#include "core/kinds/parts/job_rules.hpp"
#include "core/kinds/parts/pod_warnings.hpp"

namespace gantry::kinds {

void warn_job_spec(const JsonObject& spec, const At& at, Warnings& warnings) {
  constexpr int64_t kCompletions = 100'000, kParallelism = 10'000;
  if (is_indexed(spec) && get_number(spec, "completions") > kCompletions &&
      get_number(spec, "parallelism") > kParallelism) {
    warnings.add(at, "",
                 "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, "
                 "Kubernetes might not be able to track completedIndexes when a big number of indexes fail");
  }
  warn_template(object_at(spec, "template"), at.child("template"), warnings);
}

}  // namespace gantry::kinds
