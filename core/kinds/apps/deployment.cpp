// Deployments: how they roll out, and their table. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/pod_warnings.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::apps_deployment {
namespace {

void default_after(JsonObject& deployment) {
  default_template_after(deployment);
  JsonObject* spec = get_object(deployment, "spec");
  if (spec == nullptr) return;
  JsonObject& strategy = ensure_object(*spec, "strategy");
  if (get_text(strategy, "type") != "RollingUpdate") return;
  JsonObject& rolling = ensure_object(strategy, "rollingUpdate");
  for (std::string_view key : {"maxUnavailable", "maxSurge"}) {
    if (get(rolling, key) == nullptr) rolling[key] = "25%";
  }
}

void validate(const JsonObject& deployment, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  if (const JsonObject* spec = changed_spec(deployment, old)) {
    check_selected(*spec, at, errors);
    check_strategy(*spec, at, errors);
    const Json* deadline = get(*spec, "progressDeadlineSeconds");
    if (deadline != nullptr && get_number(*spec, "progressDeadlineSeconds") <= get_number(*spec, "minReadySeconds")) {
      errors.invalid(at, "progressDeadlineSeconds", *deadline, "must be greater than minReadySeconds");
    }
  }
  check_counts(deployment, old, {"updatedReplicas", "readyReplicas", "availableReplicas"}, errors);
}

bool counts(const JsonObject& next, const JsonObject& old) {
  return !same_json(object_at(object_at(next, "metadata"), "annotations"),
                    object_at(object_at(old, "metadata"), "annotations"));
}

void ready(Row& row, std::string& out) {
  put(out, std::to_string(number_at(row.document, "status.readyReplicas")) + "/" +
               std::to_string(number_at(row.document, "spec.replicas")));
}

constexpr NamedCell kCells[] = {{"deployment-ready", ready},
                                {"container-names", container_names},
                                {"container-images", container_images},
                                {"selector", selector}};

}  // namespace

constinit const Behavior behavior{.group = "apps",
                                  .kind = "Deployment",
                                  .default_before = default_template_before,
                                  .default_after = default_after,
                                  .validate = validate,
                                  .warn = warn_workload,
                                  .update_status = keep_labels,
                                  .counts = counts,
                                  .cells = kCells};

}  // namespace gantry::kinds::apps_deployment
