#include "core/kinds/parts/flow_rules.hpp"

#include <algorithm>

namespace gantry::kinds {
namespace {

constexpr std::string_view kVerbs[] = {"create", "delete", "deletecollection", "get",  "list",
                                       "patch",  "proxy",  "update",           "watch"};

std::string_view text_of(const Json& value) {
  const auto* text = value.if_string();
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

bool has_wildcard(const JsonArray& list) {
  return std::any_of(list.begin(), list.end(), [](const Json& item) { return text_of(item) == "*"; });
}

const JsonArray& flow_list(const JsonObject& rule, std::string_view key) {
  static const JsonArray kNone;
  const JsonArray* list = get_array(rule, key);
  return list != nullptr ? *list : kNone;
}

// A list that is not empty, and in which "*" is alone. False: something was said.
bool check_flow_list(const JsonObject& rule, std::string_view key, std::string_view missing, std::string_view others,
                     const At& at, Errors& errors) {
  const JsonArray& list = flow_list(rule, key);
  if (list.empty()) {
    errors.required(at, key, missing);
    return false;
  }
  if (list.size() == 1 || !has_wildcard(list)) return true;
  errors.invalid(at, key, list, "if '*' is present, must not specify other " + std::string(others));
  return false;
}

void check_verbs(const JsonObject& rule, const At& at, Errors& errors) {
  if (!check_flow_list(rule, "verbs", "verbs must contain at least one value", "verbs", at, errors)) return;
  const JsonArray& verbs = flow_list(rule, "verbs");
  if (has_wildcard(verbs)) return;
  const auto unknown = std::find_if(verbs.begin(), verbs.end(), [](const Json& verb) {
    return std::find(std::begin(kVerbs), std::end(kVerbs), text_of(verb)) == std::end(kVerbs);
  });
  if (unknown == verbs.end()) return;
  errors.not_supported(at, "verbs", verbs,
                       {"create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"});
}

void check_resource_rule(const JsonObject& rule, const At& at, Errors& errors) {
  check_verbs(rule, at, errors);
  check_flow_list(rule, "apiGroups", "resource rules must supply at least one api group", "api groups", at, errors);
  check_flow_list(rule, "resources", "resource rules must supply at least one resource", "resources", at, errors);
  const JsonArray& namespaces = flow_list(rule, "namespaces");
  if (namespaces.empty() && get_flag(rule, "clusterScope")) return;
  if (!check_flow_list(rule, "namespaces",
                       "resource rules that are not cluster scoped must supply at least one namespace", "namespaces",
                       at, errors)) {
    return;
  }
  if (has_wildcard(namespaces)) return;
  for (size_t i = 0; i < namespaces.size(); ++i) {
    for (const std::string& problem : format_problems("dns1123-label", text_of(namespaces[i]))) {
      errors.invalid(at.child("namespaces", i), "", namespaces[i],
                     "each member of this list must be '*' or a DNS-1123 label; " + problem);
    }
  }
}

std::string_view url_problem(std::string_view path) {
  if (path.empty()) return "must not be empty";
  if (path == "/") return {};
  if (!path.starts_with('/')) return "must start with slash";
  if (path.find(' ') != std::string_view::npos) return "must not contain white-space";
  if (path.find("//") != std::string_view::npos) return "must not contain double slash";
  const auto stars = std::count(path.begin(), path.end(), '*');
  return stars == 0 || (stars == 1 && path.ends_with("/*")) ? "" : "wildcard can only do suffix matching";
}

void check_url_rule(const JsonObject& rule, const At& at, Errors& errors) {
  check_verbs(rule, at, errors);
  if (!check_flow_list(rule, "nonResourceURLs", "nonResourceURLs must contain at least one value", "non-resource URLs",
                       at, errors)) {
    return;
  }
  const JsonArray& urls = flow_list(rule, "nonResourceURLs");
  if (has_wildcard(urls)) return;
  for (size_t i = 0; i < urls.size(); ++i) {
    const std::string_view problem = url_problem(text_of(urls[i]));
    if (!problem.empty()) errors.invalid(at.child("nonResourceURLs", i), "", urls[i], problem);
  }
}

void check_account(const JsonObject& account, const At& at, Errors& errors) {
  const std::string_view name = get_text(account, "name"), ns = get_text(account, "namespace");
  if (name.empty()) {
    errors.required(at, "name");
  } else if (name != "*") {
    errors.format(at, "name", "dns1123-subdomain", name);
  }
  if (ns.empty()) return errors.required(at, "namespace", "must specify namespace for service account");
  errors.format(at, "namespace", "dns1123-label", ns);
}

struct SubjectKind {
  std::string_view kind, key;
};
constexpr SubjectKind kSubjects[] = {{"ServiceAccount", "serviceAccount"}, {"User", "user"}, {"Group", "group"}};

void check_flow_subject(const JsonObject& subject, const At& at, Errors& errors) {
  const std::string_view kind = get_text(subject, "kind");
  const auto* const own = std::find_if(std::begin(kSubjects), std::end(kSubjects),
                                       [&](const SubjectKind& one) { return one.kind == kind; });
  if (own == std::end(kSubjects)) {
    return errors.not_supported(at, "kind", kind, {"Group", "ServiceAccount", "User"});
  }
  const JsonObject* who = get_object(subject, own->key);
  if (who == nullptr) {
    errors.required(at, own->key,
                    std::string(own->key) + " is required when subject kind is '" + std::string(own->kind) + "'");
  } else if (own->key == "serviceAccount") {
    check_account(*who, at.child(own->key), errors);
  } else if (get_text(*who, "name").empty()) {
    errors.required(at.child(own->key), "name");
  }
  for (const SubjectKind& other : kSubjects) {
    if (&other == own || get(subject, other.key) == nullptr) continue;
    errors.forbidden(
        at, other.key,
        std::string(other.key) + " is forbidden when subject kind is not '" + std::string(other.kind) + "'");
  }
}

}  // namespace

void check_flow_rule(const JsonObject& rule, const At& at, Errors& errors) {
  if (!has_items(rule, "subjects")) errors.required(at, "subjects", "subjects must contain at least one value");
  size_t i = 0;
  each(rule, "subjects", [&](const JsonObject& one) { check_flow_subject(one, at.child("subjects", i++), errors); });
  if (!has_items(rule, "resourceRules") && !has_items(rule, "nonResourceRules")) {
    errors.required(at, "", "at least one of resourceRules and nonResourceRules has to be non-empty");
  }
  i = 0;
  each(rule, "resourceRules",
       [&](const JsonObject& one) { check_resource_rule(one, at.child("resourceRules", i++), errors); });
  i = 0;
  each(rule, "nonResourceRules",
       [&](const JsonObject& one) { check_url_rule(one, at.child("nonResourceRules", i++), errors); });
}

}  // namespace gantry::kinds
