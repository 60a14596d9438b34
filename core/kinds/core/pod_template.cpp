// PodTemplates. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/pod_defaults.hpp"
#include "core/kinds/parts/pod_rules.hpp"
#include "core/kinds/parts/pod_warnings.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::core_pod_template {
namespace {

void default_before(JsonObject& object) {
  if (JsonObject* spec = template_spec(object)) default_pod_spec_before(*spec);
}

void default_after(JsonObject& object) {
  if (JsonObject* spec = template_spec(object)) default_pod_spec_after(*spec);
}

void validate(const JsonObject& object, const JsonObject* old, Errors& errors) {
  const Json* now = get(object, "template");
  const Json* before = old != nullptr ? get(*old, "template") : nullptr;
  if (now == nullptr || !now->is_object() || (before != nullptr && same_json(*now, *before))) return;
  At at;
  check_pod_template(now->get_object(), at.child("template"), errors);
}

constexpr NamedCell kCells[] = {{"container-names", container_names}, {"container-images", container_images}};

void warn(const JsonObject& object, const JsonObject*, Warnings& warnings) {
  const At root;
  warn_template(object_at(object, "template"), root.child("template"), warnings);
}

}  // namespace

constinit const Behavior behavior{.group = "",
                                  .kind = "PodTemplate",
                                  .default_before = default_before,
                                  .default_after = default_after,
                                  .validate = validate,
                                  .warn = warn,
                                  .cells = kCells,
                                  .returns_deleted = true};

}  // namespace gantry::kinds::core_pod_template
