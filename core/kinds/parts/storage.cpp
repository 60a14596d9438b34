// Owns what claims and volumes have in common: access modes, amounts, cells; and the rules of a claim's spec.
// Pure functions, any thread.
#include "core/kinds/parts/storage.hpp"

#include <algorithm>
#include <array>

#include "core/kinds/parts/pod_rules.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds {
namespace {

struct AccessMode {
  std::string_view name, short_name;
};
// In the order in which tables list them.
constexpr std::array<AccessMode, 4> kAccessModes = {
    {{"ReadWriteOnce", "RWO"}, {"ReadOnlyMany", "ROX"}, {"ReadWriteMany", "RWX"}, {"ReadWriteOncePod", "RWOP"}}};

bool is_access_mode(std::string_view text) {
  return std::any_of(kAccessModes.begin(), kAccessModes.end(), [&](const AccessMode& m) { return m.name == text; });
}

void check_data_source(const JsonObject& spec, std::string_view key, const At& at, Errors& errors) {
  const JsonObject* source = get_object(spec, key);
  if (source == nullptr) return;
  At here = at.child(key);
  const std::string_view group = get_text(*source, "apiGroup"), kind = get_text(*source, "kind");
  if (group.empty() && kind != "PersistentVolumeClaim") {
    errors.invalid(here, "", Json(kind), "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  }
  if (!group.empty()) errors.format(here, "apiGroup", "dns1123-subdomain", group);
  const std::string_view ns = get_text(*source, "namespace");
  if (!ns.empty()) errors.format(here, "namespace", "dns1123-label", ns);
}

bool same_member(const JsonObject& a, const JsonObject& b, std::string_view key) {
  const Json* left = get(a, key);
  const Json* right = get(b, key);
  return left == nullptr || right == nullptr ? left == right : *left == *right;
}

void check_data_sources(const JsonObject& spec, const At& at, Errors& errors) {
  check_data_source(spec, "dataSource", at, errors);
  check_data_source(spec, "dataSourceRef", at, errors);
  const JsonObject* source = get_object(spec, "dataSource");
  const JsonObject* reference = get_object(spec, "dataSourceRef");
  if (source == nullptr || reference == nullptr) return;
  // Upstream's value is the path of the field.
  const Json where(at.text("dataSource"));
  if (!get_text(*reference, "namespace").empty()) {
    return errors.invalid(at, "", where, "may not be specified when dataSourceRef.namespace is specified");
  }
  const bool same = same_member(*source, *reference, "apiGroup") && same_member(*source, *reference, "kind") &&
                    same_member(*source, *reference, "name");
  if (!same) errors.invalid(at, "", where, "must match dataSourceRef");
}

}  // namespace

void check_access_modes(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonArray* modes = get_array(spec, "accessModes");
  bool alone = false, others = false;
  for (size_t i = 0; modes != nullptr && i < modes->size(); ++i) {
    const auto* text = (*modes)[i].if_string();
    const std::string_view mode = text != nullptr ? std::string_view(*text) : std::string_view();
    const bool known = is_access_mode(mode);
    if (!known) {
      errors.not_supported(at, "accessModes", mode,
                           {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"});
    }
    alone = alone || mode == "ReadWriteOncePod";
    others = others || (known && mode != "ReadWriteOncePod");
  }
  if (alone && others) errors.forbidden(at, "accessModes", "may not use ReadWriteOncePod with other access modes");
}

void check_above_zero(const Json& value, const At& at, Errors& errors) {
  const auto* text = value.if_string();
  const auto amount = schema::Quantity::parse(text != nullptr ? std::string_view(*text) : std::string_view());
  if (amount && (amount->negative() || amount->zero())) errors.invalid(at, "", value, "must be greater than zero");
}

void check_claim_spec(const JsonObject& spec, const At& at, Errors& errors) {
  if (const JsonObject* selector = get_object(spec, "selector")) {
    check_label_selector(*selector, at.child("selector"), errors);
  }
  check_access_modes(spec, at, errors);
  At here = at.key("resources", "storage");
  if (const Json* size = get(object_at(object_at(spec, "resources"), "requests"), "storage")) {
    check_above_zero(*size, here, errors);
  } else {
    errors.required(here, "");
  }
  for (std::string_view key : {"storageClassName", "volumeAttributesClassName"}) {
    const std::string_view name = get_text(spec, key);
    if (!name.empty()) errors.format(at, key, "dns1123-subdomain", name);
  }
  check_data_sources(spec, at, errors);
}

std::string access_modes_text(const JsonArray* modes) {
  std::string text;
  if (modes == nullptr) return text;
  for (const AccessMode& mode : kAccessModes) {
    if (std::find(modes->begin(), modes->end(), Json(mode.name)) == modes->end()) continue;
    (text += text.empty() ? "" : ",") += mode.short_name;
  }
  return text;
}

std::string_view storage_at(const Row& row, std::string_view path) {
  const Json* amounts = at(row.document, path);
  const std::string_view text = amounts != nullptr ? text_at(*amounts, "storage") : std::string_view();
  return text.empty() ? "0" : text;
}

void storage_class(Row& row, std::string& out) {
  const Json* notes = at(row.document, "metadata.annotations");
  const JsonObject* object = notes != nullptr ? notes->if_object() : nullptr;
  const Json* old_name = object != nullptr ? get(*object, kClassAnnotation) : nullptr;
  if (old_name != nullptr && old_name->is_string()) return put(out, text_at(*old_name, ""));
  put(out, text_at(row.document, "spec.storageClassName"));
}

void storage_phase(Row& row, std::string& out) {
  const bool going = at(row.document, "metadata.deletionTimestamp") != nullptr;
  put(out, going ? "Terminating" : text_at(row.document, "status.phase"));
}

}  // namespace gantry::kinds
