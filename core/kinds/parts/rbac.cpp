#include "core/kinds/parts/rbac.hpp"

namespace gantry::kinds {
namespace {

void check_rule(const JsonObject& rule, bool namespaced, const At& at, Errors& errors) {
  if (!has_items(rule, "verbs")) errors.required(at, "verbs", "verbs must contain at least one value");
  const JsonArray* urls = get_array(rule, "nonResourceURLs");
  if (urls != nullptr && !urls->empty()) {
    if (namespaced) {
      errors.invalid(at, "nonResourceURLs", *urls, "namespaced rules cannot apply to non-resource URLs");
    }
    if (has_items(rule, "apiGroups") || has_items(rule, "resources") || has_items(rule, "resourceNames")) {
      errors.invalid(at, "nonResourceURLs", *urls,
                     "rules cannot apply to both regular resources and non-resource URLs");
    }
    return;
  }
  if (!has_items(rule, "apiGroups")) {
    errors.required(at, "apiGroups", "resource rules must supply at least one api group");
  }
  if (!has_items(rule, "resources")) {
    errors.required(at, "resources", "resource rules must supply at least one resource");
  }
}

void check_subject(const JsonObject& subject, bool namespaced, const At& at, Errors& errors) {
  const std::string_view kind = get_text(subject, "kind"), name = get_text(subject, "name");
  const std::string_view group = get_text(subject, "apiGroup");
  if (name.empty()) errors.required(at, "name");
  if (kind == "ServiceAccount") {
    if (!name.empty()) errors.format(at, "name", "dns1123-subdomain", name);
    if (!group.empty()) errors.not_supported(at, "apiGroup", group, {""});
    if (!namespaced && get_text(subject, "namespace").empty()) errors.required(at, "namespace");
  } else if (kind == "User" || kind == "Group") {
    if (name.empty()) {
      errors.invalid(at, "name", "", std::string(kind == "User" ? "user" : "group") + " name cannot be empty");
    }
    if (group != kRbacGroup) errors.not_supported(at, "apiGroup", group, {kRbacGroup});
  } else {
    errors.not_supported(at, "kind", kind, {"ServiceAccount", "User", "Group"});
  }
}

void check_role_ref(const JsonObject& ref, bool namespaced, const At& at, Errors& errors) {
  const std::string_view group = get_text(ref, "apiGroup"), kind = get_text(ref, "kind"), name = get_text(ref, "name");
  if (group != kRbacGroup) errors.not_supported(at, "apiGroup", group, {kRbacGroup});
  if (namespaced && kind != "Role" && kind != "ClusterRole") {
    errors.not_supported(at, "kind", kind, {"Role", "ClusterRole"});
  } else if (!namespaced && kind != "ClusterRole") {
    errors.not_supported(at, "kind", kind, {"ClusterRole"});
  }
  if (name.empty()) return errors.required(at, "name");
  errors.format(at, "name", "path-segment", name);
}

void names(Row& row, std::string& out, std::string_view kind) {
  std::string text;
  const JsonArray* subjects = list_at(row.document, "subjects");
  for (size_t i = 0; subjects != nullptr && i < subjects->size(); ++i) {
    const Json& subject = (*subjects)[i];
    if (text_at(subject, "kind") != kind) continue;
    if (!text.empty()) text += ", ";
    if (kind == "ServiceAccount") text.append(text_at(subject, "namespace")).append("/");
    text += text_at(subject, "name");
  }
  put(out, text);
}

}  // namespace

void check_policy_rules(const JsonObject& role, bool namespaced, Errors& errors) {
  At root;
  size_t i = 0;
  each(role, "rules", [&](const JsonObject& rule) { check_rule(rule, namespaced, root.child("rules", i++), errors); });
}

void default_subjects(JsonObject& binding) {
  JsonObject& ref = ensure_object(binding, "roleRef");
  if (get_text(ref, "apiGroup").empty()) ref["apiGroup"] = kRbacGroup;
  each(binding, "subjects", [](JsonObject& subject) {
    const std::string_view kind = get_text(subject, "kind");
    if (get_text(subject, "apiGroup").empty() && (kind == "User" || kind == "Group")) subject["apiGroup"] = kRbacGroup;
  });
}

void check_binding(const JsonObject& binding, const JsonObject* old, bool namespaced, Errors& errors) {
  At root;
  const JsonObject& ref = object_at(binding, "roleRef");
  check_role_ref(ref, namespaced, root.child("roleRef"), errors);
  size_t i = 0;
  each(binding, "subjects",
       [&](const JsonObject& subject) { check_subject(subject, namespaced, root.child("subjects", i++), errors); });
  if (old != nullptr && !same_json(ref, object_at(*old, "roleRef"))) {
    errors.invalid(root, "roleRef", ref, "cannot change roleRef");
  }
}

void created_at(Row& row, std::string& out) { put(out, text_at(row.document, "metadata.creationTimestamp")); }

void bound_role(Row& row, std::string& out) {
  std::string text(text_at(row.document, "roleRef.kind"));
  put(out, text.append("/").append(text_at(row.document, "roleRef.name")));
}

void bound_users(Row& row, std::string& out) { names(row, out, "User"); }
void bound_groups(Row& row, std::string& out) { names(row, out, "Group"); }
void bound_service_accounts(Row& row, std::string& out) { names(row, out, "ServiceAccount"); }

}  // namespace gantry::kinds
