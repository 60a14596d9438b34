// ReplicationControllers: labels from the template, a selector that fits it, counts, and their table. Pure functions,
// any thread.
#include <algorithm>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/pod_rules.hpp"
#include "core/kinds/parts/pod_warnings.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::core_replication_controller {
namespace {

const JsonObject& labels_of(const JsonObject& object) { return object_at(object_at(object, "metadata"), "labels"); }

void default_before(JsonObject& controller) {
  default_template_before(controller);
  const JsonObject labels = labels_of(object_at(object_at(controller, "spec"), "template"));
  if (labels.empty()) return;
  JsonObject& spec = ensure_object(controller, "spec");
  if (object_at(spec, "selector").empty()) spec["selector"] = labels;
  if (labels_of(controller).empty()) ensure_object(controller, "metadata")["labels"] = labels;
}

bool selects(const JsonObject& selector, const JsonObject& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& entry) {
    const Json* label = get(labels, entry.key());
    return label != nullptr && *label == entry.value();
  });
}

void check_template(const JsonObject& spec, const JsonObject& pod_template, const At& at, Errors& errors) {
  const JsonObject& labels = labels_of(pod_template);
  At metadata = at.child("metadata");
  if (!selects(object_at(spec, "selector"), labels)) {
    errors.invalid(metadata, "labels", labels, "`selector` does not match template `labels`");
  }
  check_pod_template(pod_template, at, errors);
  const JsonObject& pod = object_at(pod_template, "spec");
  At here = at.child("spec");
  const std::string_view policy = get_text(pod, "restartPolicy");
  if (policy == "OnFailure" || policy == "Never") errors.not_supported(here, "restartPolicy", policy, {"Always"});
  if (get(pod, "activeDeadlineSeconds") != nullptr) {
    errors.forbidden(here, "activeDeadlineSeconds", "activeDeadlineSeconds in ReplicationController is not Supported");
  }
}

void validate(const JsonObject& controller, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  if (const JsonObject* spec = changed_spec(controller, old)) {
    // Said here and not by the schema: clients check an object by that before these defaults.
    if (object_at(*spec, "selector").empty()) errors.required(at, "selector");
    const JsonObject* pod_template = get_object(*spec, "template");
    if (pod_template == nullptr) errors.required(at, "template");
    if (pod_template != nullptr) check_template(*spec, *pod_template, at.child("template"), errors);
  }
  check_counts(controller, old, {"fullyLabeledReplicas", "readyReplicas", "availableReplicas"}, errors);
}

constexpr NamedCell kCells[] = {
    {"container-names", container_names}, {"container-images", container_images}, {"selector", selector}};

}  // namespace

constinit const Behavior behavior{.group = "",
                                  .kind = "ReplicationController",
                                  .default_before = default_before,
                                  .default_after = default_template_after,
                                  .validate = validate,
                                  .warn = warn_workload,
                                  .orphans = true,
                                  .cells = kCells};

}  // namespace gantry::kinds::core_replication_controller
