// StatefulSets: how they replace pods, the claims of each pod, what may change, and their table. Pure functions, any
// thread.
#include <set>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/pod_rules.hpp"
#include "core/kinds/parts/pod_warnings.hpp"
#include "core/kinds/parts/storage.hpp"
#include "core/kinds/parts/storage_warnings.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::apps_stateful_set {
namespace {

constexpr WorkloadWords kWords{"statefulset", "StatefulSet"};

void default_after(JsonObject& set) {
  default_template_after(set);
  JsonObject* spec = get_object(set, "spec");
  if (spec == nullptr) return;
  each(*spec, "volumeClaimTemplates", [](JsonObject& claim) {
    claim["apiVersion"] = "v1";
    claim["kind"] = "PersistentVolumeClaim";
  });
  JsonObject& strategy = ensure_object(*spec, "updateStrategy");
  if (get_text(strategy, "type") != "RollingUpdate") return;
  JsonObject& rolling = ensure_object(strategy, "rollingUpdate");
  if (get(rolling, "partition") == nullptr) rolling["partition"] = 0;
  if (get(rolling, "maxUnavailable") == nullptr) rolling["maxUnavailable"] = 1;
}

void check_update_strategy(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonObject& strategy = object_at(spec, "updateStrategy");
  const std::string_view type = get_text(strategy, "type");
  const JsonObject* rolling = get_object(strategy, "rollingUpdate");
  At here = at.child("updateStrategy");
  if (type == "OnDelete") {
    if (rolling != nullptr) {
      errors.invalid(here, "rollingUpdate", *rolling, "only allowed for updateStrategy 'RollingUpdate'");
    }
  } else if (type != "RollingUpdate") {
    errors.invalid(here, "", strategy, "must be 'RollingUpdate' or 'OnDelete'");
  } else if (rolling != nullptr) {
    At there = here.child("rollingUpdate");
    const int64_t unavailable = check_share(*rolling, "maxUnavailable", true, there, errors);
    const Json* value = get(*rolling, "maxUnavailable");
    if (value != nullptr && unavailable == 0) errors.invalid(there, "maxUnavailable", *value, "cannot be 0");
  }
}

// The template with the claims as its volumes, as its pods will have them.
JsonObject with_claims(const JsonObject& spec) {
  JsonObject out(object_at(spec, "template"),
                 boost::json::storage_ptr());  // not in the arena, which gives nothing back
  std::set<std::string_view> claimed;
  JsonArray volumes;
  each(spec, "volumeClaimTemplates", [&](const JsonObject& claim) {
    const std::string_view name = get_text(object_at(claim, "metadata"), "name");
    if (!claimed.insert(name).second) return;
    volumes.emplace_back(JsonObject{{"name", name}, {"persistentVolumeClaim", {{"claimName", name}}}});
  });
  JsonObject& pod = ensure_object(out, "spec");
  each(pod, "volumes", [&](const JsonObject& volume) {
    if (!claimed.contains(get_text(volume, "name"))) volumes.emplace_back(volume);
  });
  if (!volumes.empty()) pod["volumes"] = std::move(volumes);
  // Each pod gets its own.
  pod.erase("hostname");
  pod.erase("subdomain");
  return out;
}

void check_template(const JsonObject& spec, const At& at, Errors& errors) {
  if (get_object(spec, "template") == nullptr) return errors.required(at, "template");
  check_pod_template(with_claims(spec), at.child("template"), errors);
}

void check_claims(const JsonObject& spec, const At& at, Errors& errors) {
  size_t i = 0;
  each(spec, "volumeClaimTemplates", [&](const JsonObject& claim) {
    At here = at.child("volumeClaimTemplates", i++);
    check_claim_spec(object_at(claim, "spec"), here.child("spec"), errors);
  });
}

void check_spec(const JsonObject& spec, const JsonObject* old, const At& at, Errors& errors) {
  check_update_strategy(spec, at, errors);
  if (old == nullptr) {
    check_claims(spec, at, errors);
    const std::string_view service = get_text(spec, "serviceName");
    if (!service.empty()) errors.format(at, "serviceName", "dns1123-label", service);
  }
  check_selector(spec, at, errors, kWords);
  check_selects(spec, at, errors);
  // A template that was wrong already may stay so.
  Errors before;
  if (old != nullptr) check_template(*old, at, before);
  if (before.empty()) check_template(spec, at, errors);
  check_runs_on(spec, at, errors, kWords);
}

void check_frozen(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  constexpr std::string_view kFree[] = {"replicas",
                                        "ordinals",
                                        "template",
                                        "updateStrategy",
                                        "minReadySeconds",
                                        "revisionHistoryLimit",
                                        "persistentVolumeClaimRetentionPolicy"};
  const auto rest = [&](const JsonObject& whole) {
    JsonObject out(whole, boost::json::storage_ptr());
    for (std::string_view key : kFree) out.erase(key);
    return out;
  };
  if (same_json(rest(spec), rest(old))) return;
  errors.forbidden(at, "",
                   "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
                   "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
                   "'minReadySeconds' are forbidden");
}

void validate(const JsonObject& set, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  if (const JsonObject* spec = changed_spec(set, old)) {
    const JsonObject* before = old != nullptr ? &object_at(*old, "spec") : nullptr;
    check_spec(*spec, before, at, errors);
    if (before != nullptr) check_frozen(*spec, *before, at, errors);
  }
  check_counts(set, old, {"readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"}, errors,
               "status.readyReplicas");
}

void ready(Row& row, std::string& out) {
  put(out, std::to_string(number_at(row.document, "status.readyReplicas")) + "/" +
               std::to_string(number_at(row.document, "spec.replicas")));
}

constexpr NamedCell kCells[] = {
    {"stateful-set-ready", ready}, {"container-names", container_names}, {"container-images", container_images}};

void warn(const JsonObject& set, const JsonObject* old, Warnings& warnings) {
  warn_template_of(set, old, warnings);
  const JsonObject& spec = object_at(set, "spec");
  const At root, at = root.child("spec");
  size_t i = 0;
  each(spec, "volumeClaimTemplates", [&](const JsonObject& claim) {
    const At here = at.child("volumeClaimTemplates", i++);
    // Upstream's two paths.
    warn_claim_spec(object_at(claim, "spec"), old == nullptr ? here : here.child("Spec"), warnings);
  });
  if (get_number(spec, "revisionHistoryLimit") < 0) {
    warnings.add(at, "revisionHistoryLimit",
                 "a negative value retains all historical revisions; a value >= 0 is recommended");
  }
}

}  // namespace

constinit const Behavior behavior{.group = "apps",
                                  .kind = "StatefulSet",
                                  .default_before = default_template_before,
                                  .default_after = default_after,
                                  .validate = validate,
                                  .warn = warn,
                                  .cells = kCells};

}  // namespace gantry::kinds::apps_stateful_set
