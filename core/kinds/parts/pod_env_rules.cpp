// Owns the rules of a container's environment. Pure functions, any thread.
#include "core/kinds/parts/pod_container_rules.hpp"

namespace gantry::kinds {
namespace {

void check_key_ref(const JsonObject& ref, const At& at, Errors& errors) {
  std::string_view name = get_text(ref, "name"), key = get_text(ref, "key");
  if (name.empty()) {
    errors.required(at, "name");
  } else {
    errors.format(at, "name", "dns1123-subdomain", name);
  }
  if (!key.empty()) errors.format(at, "key", "config-key", key);
}

void check_value_from(const JsonObject& variable, const At& at, Errors& errors) {
  const JsonObject* from = get_object(variable, "valueFrom");
  if (from == nullptr) return;
  At here = at.child("valueFrom");
  size_t sources = 0;
  for (const auto& entry : *from) {
    const auto* source = entry.value().if_object();
    if (source == nullptr) continue;
    ++sources;
    At there = here.child(entry.key());
    if (entry.key() == "fieldRef") check_field_ref(*source, RefUse::kEnv, there, errors);
    if (entry.key() == "resourceFieldRef") check_resource_ref(*source, RefUse::kEnv, there, errors);
    if (entry.key() == "configMapKeyRef" || entry.key() == "secretKeyRef") check_key_ref(*source, there, errors);
  }
  if (sources == 0) {
    errors.invalid(here, "", "",
                   "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`");
  } else if (!get_text(variable, "value").empty()) {
    errors.invalid(here, "", "", "may not be specified when `value` is not empty");
  } else if (sources > 1) {
    errors.invalid(here, "", "", "may not have more than one field specified at a time");
  }
}

void check_from(const JsonObject& from, const At& list, const At& at, Errors& errors) {
  std::string_view prefix = get_text(from, "prefix");
  if (!prefix.empty()) errors.format(at, "prefix", "env-name", prefix);
  size_t sources = 0;
  for (std::string_view key : {"configMapRef", "secretRef"}) {
    const JsonObject* source = get_object(from, key);
    if (source == nullptr) continue;
    ++sources;
    At here = at.child(key);
    std::string_view name = get_text(*source, "name");
    if (name.empty()) {
      errors.required(here, "name");
    } else {
      errors.format(here, "name", "dns1123-subdomain", name);
    }
  }
  // Upstream names the list here, not the element.
  if (sources == 0) errors.invalid(list, "", "", "must specify one of: `configMapRef` or `secretRef`");
  if (sources > 1) errors.invalid(list, "", "", "may not have more than one field specified at a time");
}

}  // namespace

void check_environment(const JsonObject& container, const At& at, Errors& errors) {
  size_t i = 0;
  each(container, "env", [&](const JsonObject& variable) { check_value_from(variable, at.child("env", i++), errors); });
  i = 0;
  At list = at.child("envFrom");
  each(container, "envFrom", [&](const JsonObject& from) { check_from(from, list, at.child("envFrom", i++), errors); });
}

}  // namespace gantry::kinds
