// DaemonSets: how they replace pods, the generation of their template, and their table. Pure functions, any thread.
#include <charconv>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/pod_warnings.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::apps_daemon_set {
namespace {

// Where v1 keeps what earlier versions had as spec.templateGeneration.
constexpr std::string_view kGeneration = "deprecated.daemonset.template.generation";

int64_t generation_of(const JsonObject& daemon_set) {
  const std::string_view text = get_text(object_at(object_at(daemon_set, "metadata"), "annotations"), kGeneration);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number > 0 ? number : 0;
}

void set_generation(JsonObject& daemon_set, int64_t number) {
  ensure_object(ensure_object(daemon_set, "metadata"), "annotations")[kGeneration] = std::to_string(number);
}

void create(JsonObject& daemon_set) { set_generation(daemon_set, std::max<int64_t>(1, generation_of(daemon_set))); }

void update(JsonObject& next, const JsonObject& old) {
  static const Json kNone;
  const Json* now = get(object_at(next, "spec"), "template");
  const Json* before = get(object_at(old, "spec"), "template");
  const bool same = same_meaning(now != nullptr ? *now : kNone, before != nullptr ? *before : kNone);
  set_generation(next, generation_of(old) + (same ? 0 : 1));
}

void default_after(JsonObject& daemon_set) {
  default_template_after(daemon_set);
  JsonObject* spec = get_object(daemon_set, "spec");
  if (spec == nullptr) return;
  JsonObject& strategy = ensure_object(*spec, "updateStrategy");
  if (get_text(strategy, "type") != "RollingUpdate") return;
  JsonObject& rolling = ensure_object(strategy, "rollingUpdate");
  if (get(rolling, "maxUnavailable") == nullptr) rolling["maxUnavailable"] = 1;
  if (get(rolling, "maxSurge") == nullptr) rolling["maxSurge"] = 0;
}

void check_update_strategy(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonObject& strategy = object_at(spec, "updateStrategy");
  const std::string_view type = get_text(strategy, "type");
  if (type == "OnDelete") return;
  if (type != "RollingUpdate") {
    return errors.not_supported(at, "updateStrategy", type, {"RollingUpdate", "OnDelete"});
  }
  At here = at.child("updateStrategy");
  const JsonObject* rolling = get_object(strategy, "rollingUpdate");
  if (rolling == nullptr) return errors.required(here, "rollingUpdate");
  At there = here.child("rollingUpdate");
  const size_t before = errors.size();
  const int64_t unavailable = check_share(*rolling, "maxUnavailable", true, there, errors);
  const int64_t surge = check_share(*rolling, "maxSurge", true, there, errors);
  if (errors.size() > before) return;
  if (unavailable != 0 && surge != 0) {
    errors.invalid(there, "maxSurge", *get(*rolling, "maxSurge"), "may not be set when maxUnavailable is non-zero");
  } else if (unavailable == 0 && surge == 0) {
    errors.required(there, "maxUnavailable", "cannot be 0 when maxSurge is 0");
  }
}

void validate(const JsonObject& daemon_set, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  if (const JsonObject* spec = changed_spec(daemon_set, old)) {
    check_selected(*spec, at, errors, {"daemonset", "DaemonSet"});
    check_update_strategy(*spec, at, errors);
  }
  const JsonObject* status = changed_status(daemon_set, old);
  if (status == nullptr) return;
  At there = root.child("status");
  check_not_negative(
      *status,
      {"currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration",
       "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount"},
      there, errors);
  check_collisions(*status, object_at(*old, "status"), there, errors);
}

void node_selector(Row& row, std::string& out) {
  put(out, schema::cells::format_labels(at(row.document, "spec.template.spec.nodeSelector")));
}

constexpr NamedCell kCells[] = {{"node-selector", node_selector},
                                {"container-names", container_names},
                                {"container-images", container_images},
                                {"selector", selector}};

}  // namespace

constinit const Behavior behavior{.group = "apps",
                                  .kind = "DaemonSet",
                                  .default_before = default_template_before,
                                  .default_after = default_after,
                                  .validate = validate,
                                  .warn = warn_template_of,
                                  .create = create,
                                  .update = update,
                                  .cells = kCells};

}  // namespace gantry::kinds::apps_daemon_set
