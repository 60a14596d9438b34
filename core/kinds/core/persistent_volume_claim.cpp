// PersistentVolumeClaims: what they may ask for, what of it may change, and their table. Pure functions, any thread.
#include "core/kinds/parts/entries.hpp"
#include "core/kinds/parts/resource_names.hpp"
#include "core/kinds/parts/shown_fields.hpp"
#include "core/kinds/parts/storage.hpp"
#include "core/kinds/parts/storage_warnings.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds::core_persistent_volume_claim {
namespace {

using schema::Quantity;

const JsonObject& requests_of(const JsonObject& spec) { return object_at(object_at(spec, "resources"), "requests"); }

// None: zero.
Quantity size_in(const JsonObject& amounts) {
  const std::string_view text = get_text(amounts, "storage");
  return *Quantity::parse(text.empty() ? "0" : text);
}

bool is_claim_or_snapshot(const JsonObject& source) {
  const std::string_view group = get_text(source, "apiGroup"), kind = get_text(source, "kind");
  return group.empty() ? kind == "PersistentVolumeClaim"
                       : group == "snapshot.storage.k8s.io" && kind == "VolumeSnapshot";
}

void copy_source(JsonObject& spec, std::string_view from, std::string_view to) {
  const JsonObject source = object_at(spec, from);
  JsonObject copy{{"kind", get_text(source, "kind")}, {"name", get_text(source, "name")}};
  if (const Json* group = get(source, "apiGroup")) copy["apiGroup"] = *group;
  spec[to] = std::move(copy);
}

// dataSource and dataSourceRef say the same, whichever of them the client knows; what neither a claim nor a snapshot is
// takes dataSourceRef.
void align_sources(JsonObject& spec, bool had_source) {
  const JsonObject* source = get_object(spec, "dataSource");
  if (source != nullptr && !had_source && !is_claim_or_snapshot(*source)) spec.erase("dataSource");
  const bool old_way = get(spec, "dataSource") != nullptr;
  const JsonObject* reference = get_object(spec, "dataSourceRef");
  if (reference == nullptr) {
    if (old_way) copy_source(spec, "dataSource", "dataSourceRef");
  } else if (!old_way && get_text(*reference, "namespace").empty()) {
    copy_source(spec, "dataSourceRef", "dataSource");
  }
}

void create(JsonObject& claim) {
  JsonObject& spec = ensure_object(claim, "spec");
  // Sources of other namespaces are not to be had.
  if (!get_text(object_at(spec, "dataSourceRef"), "namespace").empty()) spec.erase("dataSourceRef");
  align_sources(spec, false);
}

void update(JsonObject& next, const JsonObject& old) {
  const JsonObject& before = object_at(old, "spec");
  JsonObject& spec = ensure_object(next, "spec");
  const bool had_reference = get(before, "dataSourceRef") != nullptr;
  if (!had_reference && !get_text(object_at(spec, "dataSourceRef"), "namespace").empty()) spec.erase("dataSourceRef");
  align_sources(spec, get(before, "dataSource") != nullptr);
}

bool may_take_class(const JsonObject& spec, const JsonObject& old, std::string_view annotated, bool has_annotation) {
  if (get(old, "storageClassName") != nullptr || get(spec, "storageClassName") == nullptr) return false;
  return !has_annotation || get_text(spec, "storageClassName") == annotated;
}

constexpr auto kText = Shown::Absent::kText;
constexpr Shown kAmounts[] = {{"Limits", "limits"}, {"Requests", "requests"}};
constexpr Shown kSource[] = {{"APIGroup", "apiGroup"}, {"Kind", "kind", kText}, {"Name", "name", kText}};
constexpr Shown kReference[] = {
    {"APIGroup", "apiGroup"}, {"Kind", "kind", kText}, {"Name", "name", kText}, {"Namespace", "namespace"}};
constexpr Shown kSpec[] = {{"AccessModes", "accessModes"},
                           {"Selector", "selector"},
                           {"Resources", "resources", Shown::Absent::kParts, kAmounts},
                           {"VolumeName", "volumeName", kText},
                           {"StorageClassName", "storageClassName"},
                           {"VolumeMode", "volumeMode"},
                           {"DataSource", "dataSource", Shown::Absent::kNull, kSource},
                           {"DataSourceRef", "dataSourceRef", Shown::Absent::kNull, kReference},
                           {"VolumeAttributesClassName", "volumeAttributesClassName"}};

// Both without what may differ.
void check_frozen_spec(const JsonObject& claim, const JsonObject& old, const At& at, Errors& errors) {
  JsonObject spec = object_at(claim, "spec"), before = object_at(old, "spec");
  if (get_text(before, "volumeName").empty()) take_key(before, spec, "volumeName");
  const JsonObject& notes = object_at(object_at(old, "metadata"), "annotations");
  const Json* annotated = get(notes, kClassAnnotation);
  if (may_take_class(spec, before, get_text(notes, kClassAnnotation), annotated != nullptr)) {
    spec.erase("storageClassName");
  }
  if (get_text(object_at(claim, "status"), "phase") == "Bound") {
    if (get_object(object_at(spec, "resources"), "requests") != nullptr) {
      take_key(ensure_object(ensure_object(spec, "resources"), "requests"), requests_of(before), "storage");
    }
    if (get(spec, "volumeAttributesClassName") != nullptr) take_key(spec, before, "volumeAttributesClassName");
  }
  if (same_json(spec, before)) return;
  errors.forbidden(at, "",
                   "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound "
                   "claims\n" +
                       shown_difference(before, spec, kSpec));
}

void check_attributes_class(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  constexpr std::string_view kKey = "volumeAttributesClassName";
  if (get(old, kKey) == nullptr) return;
  const Json* now = get(spec, kKey);
  if (now == nullptr) return errors.forbidden(at, kKey, "update from non-nil value to nil is forbidden");
  if (*now == "" && !get_text(old, kKey).empty()) {
    errors.forbidden(at, kKey, "update from non-nil value to an empty string is forbidden");
  }
}

void check_update(const JsonObject& claim, const JsonObject& old, const At& at, Errors& errors) {
  const JsonObject& spec = object_at(claim, "spec");
  const JsonObject& before = object_at(old, "spec");
  check_frozen_spec(claim, old, at, errors);
  const Quantity size = size_in(requests_of(spec));
  if (size.compare(size_in(requests_of(before))) < 0 &&
      size.compare(size_in(object_at(object_at(old, "status"), "capacity"))) <= 0) {
    At resources = at.child("resources");
    errors.forbidden(resources.child("requests"), "storage", "field can not be less than status.capacity");
  }
  At root;
  if (get_text(spec, "volumeMode") != get_text(before, "volumeMode")) {
    errors.invalid(root, "volumeMode", Json(get_text(spec, "volumeMode")), "field is immutable");
  }
  check_attributes_class(spec, before, at, errors);
}

// The class by its older name stays, unless the field takes its place.
void check_annotation(const JsonObject& claim, const JsonObject& old, const At& root, Errors& errors) {
  const JsonObject& notes = object_at(object_at(claim, "metadata"), "annotations");
  const JsonObject& before = object_at(object_at(old, "metadata"), "annotations");
  const std::string_view now = get_text(notes, kClassAnnotation), had = get_text(before, kClassAnnotation);
  if (now == had) return;
  const JsonObject& spec = object_at(claim, "spec");
  const bool moved = get(notes, kClassAnnotation) == nullptr && get(before, kClassAnnotation) != nullptr &&
                     get(object_at(old, "spec"), "storageClassName") == nullptr &&
                     get(spec, "storageClassName") != nullptr && get_text(spec, "storageClassName") == had;
  if (moved) return;
  At metadata = root.child("metadata");
  errors.invalid(metadata.child("annotations"), kClassAnnotation, Json(now), "field is immutable");
}

void check_resized_name(std::string_view name, const At& at, Errors& errors) {
  const size_t before = errors.size();
  errors.format(at, "", "qualified-name", name);
  if (errors.size() == before && is_native_resource(name) && name != "storage") {
    errors.not_supported(at, "", name, {"storage"});
  }
}

bool is_resize_status(std::string_view text) {
  for (std::string_view known : {"ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizePending",
                                 "NodeResizeInProgress", "NodeResizeInfeasible"}) {
    if (text == known) return true;
  }
  return false;
}

void check_status(const JsonObject& status, const At& at, Errors& errors) {
  const auto check_amount = [&](const Json& value, const At& here) {
    const auto* text = value.if_string();
    const auto amount = Quantity::parse(text != nullptr ? std::string_view(*text) : std::string_view("0"));
    if (amount && amount->negative()) errors.invalid(here, "", amount->value(), "must be a valid resource quantity");
  };
  for (const auto& entry : object_at(status, "capacity")) check_amount(entry.value(), at.key("capacity", entry.key()));
  // Upstream's name of the field.
  At statuses = at.child("allocatedResourceStatus");
  for (const auto& entry : object_at(status, "allocatedResourceStatuses")) {
    check_resized_name(entry.key(), statuses, errors);
    const auto* text = entry.value().if_string();
    if (text != nullptr && is_resize_status(*text)) continue;
    errors.not_supported(statuses, "", entry.key(),
                         {"ControllerResizeInProgress", "ControllerResizeInfeasible", "NodeResizeInProgress",
                          "NodeResizeInfeasible", "NodeResizePending"});
  }
  At allocated = at.child("allocatedResources");
  for (const auto& entry : object_at(status, "allocatedResources")) {
    const size_t before = errors.size();
    check_resized_name(entry.key(), allocated, errors);
    if (errors.size() == before) check_amount(entry.value(), at.key("allocatedResources", entry.key()));
  }
}

void validate(const JsonObject& claim, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  if (old != nullptr) {
    check_annotation(claim, *old, root, errors);
    if (!same_at(claim, *old, "status")) check_status(object_at(claim, "status"), root.child("status"), errors);
    if (same_at(claim, *old, "spec")) return;
    check_update(claim, *old, at, errors);
  }
  check_claim_spec(object_at(claim, "spec"), at, errors);
}

void capacity(Row& row, std::string& out) {
  const bool bound = !text_at(row.document, "spec.volumeName").empty();
  put(out, bound ? storage_at(row, "status.capacity") : std::string_view());
}

void access_modes(Row& row, std::string& out) {
  const bool bound = !text_at(row.document, "spec.volumeName").empty();
  put(out, access_modes_text(bound ? list_at(row.document, "status.accessModes") : nullptr));
}

constexpr NamedCell kCells[] = {{"claim-phase", storage_phase},
                                {"claim-capacity", capacity},
                                {"claim-access-modes", access_modes},
                                {"storage-class", storage_class}};

void warn(const JsonObject& claim, const JsonObject*, Warnings& warnings) {
  const At root;
  warn_class_annotation(claim, warnings);
  warn_claim_spec(object_at(claim, "spec"), root.child("spec"), warnings);
}

}  // namespace

constinit const Behavior behavior{.group = "",
                                  .kind = "PersistentVolumeClaim",
                                  .validate = validate,
                                  .warn = warn,
                                  .create = create,
                                  .update = update,
                                  .cells = kCells,
                                  .returns_deleted = true};

}  // namespace gantry::kinds::core_persistent_volume_claim
