// PersistentVolumes: what of them may change, and their table. Pure functions, any thread.
#include <algorithm>

#include "core/kinds/parts/entries.hpp"
#include "core/kinds/parts/label_warnings.hpp"
#include "core/kinds/parts/shown_fields.hpp"
#include "core/kinds/parts/storage.hpp"
#include "core/kinds/parts/storage_warnings.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds::core_persistent_volume {
namespace {

// What a volume says beside where its storage is.
constexpr std::string_view kOwnFields[] = {
    "capacity",     "accessModes", "claimRef",     "persistentVolumeReclaimPolicy", "storageClassName",
    "mountOptions", "volumeMode",  "nodeAffinity", "volumeAttributesClassName"};

struct Renamed {
  std::string_view from, to;
};
constexpr Renamed kRenamedLabels[] = {{"failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"},
                                      {"failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"},
                                      {"beta.kubernetes.io/os", "kubernetes.io/os"},
                                      {"beta.kubernetes.io/arch", "kubernetes.io/arch"},
                                      {"beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"}};

// It is Pending from its first moment.
void create(JsonObject& volume) {
  const std::string now(get_text(object_at(volume, "metadata"), "creationTimestamp"));
  if (!now.empty()) ensure_object(volume, "status")["lastPhaseTransitionTime"] = now;
}

// Its phase changed when it was written so, unless who wrote it says when.
void stamp(JsonObject& next, const JsonObject& old, int64_t now_ns) {
  constexpr std::string_view kTime = "lastPhaseTransitionTime";
  JsonObject& status = ensure_object(next, "status");
  const JsonObject& before = object_at(old, "status");
  const std::string_view said = get_text(status, kTime);
  if (get_text(status, "phase") == get_text(before, "phase")) {
    if (said.empty()) take_key(status, before, kTime);
  } else if (said.empty() || said == get_text(before, kTime)) {
    status[kTime] = schema::format_time(now_ns);
  }
}

JsonObject source_of(const JsonObject& spec) {
  JsonObject source = spec;
  for (std::string_view key : kOwnFields) source.erase(key);
  return source;
}

void check_source_update(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  JsonObject source = source_of(spec), before = source_of(old);
  constexpr std::string_view kExpansion = "controllerExpandSecretRef";
  JsonObject* csi = get_object(source, "csi");
  const JsonObject* had = get_object(before, "csi");
  if (csi != nullptr && had != nullptr && get(*had, kExpansion) == nullptr) csi->erase(kExpansion);
  if (same_json(source, before)) return;
  errors.forbidden(at, "persistentvolumesource",
                   "spec.persistentvolumesource is immutable after creation\n" +
                       shown_difference(before, source, volume_source_fields()));
}

// A requirement of the older name is as good as one of the newer.
void rename_label(JsonObject& had, const JsonObject& now) {
  for (const Renamed& label : kRenamedLabels) {
    if (get_text(had, "key") == label.from && get_text(now, "key") == label.to) had["key"] = label.to;
  }
}

void rename_labels(JsonObject& had, const JsonObject& now) {
  for (std::string_view key : {"matchExpressions", "matchFields"}) {
    JsonArray* before = get_array(had, key);
    const JsonArray* after = get_array(now, key);
    for (size_t i = 0; before != nullptr && after != nullptr && i < std::min(before->size(), after->size()); ++i) {
      JsonObject* requirement = (*before)[i].if_object();
      const JsonObject* next = (*after)[i].if_object();
      if (requirement != nullptr && next != nullptr) rename_label(*requirement, *next);
    }
  }
}

void check_nodes_update(const JsonObject& spec, const JsonObject& old, Errors& errors) {
  if (get(old, "nodeAffinity") == nullptr) return;
  JsonObject before = object_at(old, "nodeAffinity");
  const JsonObject& after = object_at(spec, "nodeAffinity");
  JsonObject* required = get_object(before, "required");
  JsonArray* terms = required != nullptr ? get_array(*required, "nodeSelectorTerms") : nullptr;
  const JsonArray* next = get_array(object_at(after, "required"), "nodeSelectorTerms");
  for (size_t i = 0; terms != nullptr && next != nullptr && i < std::min(terms->size(), next->size()); ++i) {
    JsonObject* term = (*terms)[i].if_object();
    const JsonObject* now = (*next)[i].if_object();
    if (term != nullptr && now != nullptr) rename_labels(*term, *now);
  }
  if (same_json(before, after)) return;
  const Json* value = get(spec, "nodeAffinity");
  At root;
  errors.invalid(root, "nodeAffinity", value != nullptr ? *value : Json(),
                 "field is immutable, except for updating from beta label to GA");
}

void validate(const JsonObject& volume, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  if (old != nullptr && same_at(volume, *old, "spec")) return;
  const JsonObject& spec = object_at(volume, "spec");
  check_persistent_volume_spec(spec, false, at, errors);
  if (old == nullptr) return;
  const JsonObject& before = object_at(*old, "spec");
  check_source_update(spec, before, at, errors);
  if (get_text(spec, "volumeMode") != get_text(before, "volumeMode")) {
    errors.invalid(root, "volumeMode", Json(get_text(spec, "volumeMode")), "field is immutable");
  }
  check_nodes_update(spec, before, errors);
  constexpr std::string_view kAttributes = "volumeAttributesClassName";
  if (get(before, kAttributes) != nullptr && get(spec, kAttributes) == nullptr) {
    errors.forbidden(at, kAttributes, "update from non-nil value to nil is forbidden");
  }
}

void capacity(Row& row, std::string& out) { put(out, storage_at(row, "spec.capacity")); }

void access_modes(Row& row, std::string& out) {
  put(out, access_modes_text(list_at(row.document, "spec.accessModes")));
}

void claim(Row& row, std::string& out) {
  const Json* reference = at(row.document, "spec.claimRef");
  if (reference == nullptr || !reference->is_object()) return put(out, "");
  put(out, std::string(text_at(*reference, "namespace")).append("/").append(text_at(*reference, "name")));
}

constexpr NamedCell kCells[] = {{"volume-capacity", capacity},
                                {"volume-access-modes", access_modes},
                                {"volume-phase", storage_phase},
                                {"volume-claim", claim},
                                {"storage-class", storage_class}};

void warn(const JsonObject& volume, const JsonObject*, Warnings& warnings) {
  constexpr std::string_view kOptions = "volume.beta.kubernetes.io/mount-options";
  const At root, metadata = root.child("metadata"), spec = root.child("spec");
  const JsonObject& wanted = object_at(volume, "spec");
  warn_class_annotation(volume, warnings);
  if (object_at(object_at(volume, "metadata"), "annotations").contains(kOptions)) {
    warnings.add(metadata.key("annotations", kOptions), "",
                 "deprecated since v1.31; use \"mountOptions\" attribute instead");
  }
  if (get_text(wanted, "persistentVolumeReclaimPolicy") == "Recycle") {
    warnings.add(spec, "persistentVolumeReclaimPolicy",
                 "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic "
                 "provisioning.");
  }
  const At affinity = spec.child("nodeAffinity"), required = affinity.child("required");
  size_t i = 0;
  each(object_at(object_at(wanted, "nodeAffinity"), "required"), "nodeSelectorTerms", [&](const JsonObject& term) {
    const At here = required.child("nodeSelectorTerms", i++);
    warn_node_expressions(term, here, warnings, true);
  });
  warn_old_volume(wanted, spec, false, warnings);
}

}  // namespace

constinit const Behavior behavior{.group = "",
                                  .kind = "PersistentVolume",
                                  .validate = validate,
                                  .warn = warn,
                                  .create = create,
                                  .stamp = stamp,
                                  .cells = kCells,
                                  .returns_deleted = true};

}  // namespace gantry::kinds::core_persistent_volume
