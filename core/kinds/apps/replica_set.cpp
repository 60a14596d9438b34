// ReplicaSets: their selector, template and counts, and their table. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/pod_warnings.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::apps_replica_set {
namespace {

void validate(const JsonObject& replica_set, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  if (const JsonObject* spec = changed_spec(replica_set, old)) check_selected(*spec, at, errors);
  check_counts(replica_set, old, {"fullyLabeledReplicas", "readyReplicas", "availableReplicas"}, errors);
}

constexpr NamedCell kCells[] = {
    {"container-names", container_names}, {"container-images", container_images}, {"selector", selector}};

}  // namespace

constinit const Behavior behavior{.group = "apps",
                                  .kind = "ReplicaSet",
                                  .default_before = default_template_before,
                                  .default_after = default_template_after,
                                  .validate = validate,
                                  .warn = warn_workload,
                                  .update_status = keep_labels,
                                  .cells = kCells};

}  // namespace gantry::kinds::apps_replica_set
