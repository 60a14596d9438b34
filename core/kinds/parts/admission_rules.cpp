// Owns the rules that webhooks and admission policies share. Pure functions, any thread.
#include "core/kinds/parts/admission_rules.hpp"

#include <algorithm>
#include <set>

#include "core/kinds/parts/pod_rules.hpp"

namespace gantry::kinds {
namespace {

constexpr size_t kMostConditions = 64;

// The texts of a list; what is none is left out.
std::vector<std::string_view> texts_at(const JsonObject& object, std::string_view key) {
  std::vector<std::string_view> out;
  const JsonArray* list = get_array(object, key);
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) {
    if (const auto* text = (*list)[i].if_string()) out.emplace_back(*text);
  }
  return out;
}

bool has_text(const std::vector<std::string_view>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

// A list with something in it, in which "*" stands alone.
std::vector<std::string_view> check_wild(const JsonObject& rule, std::string_view key, std::string_view others,
                                         const At& at, Errors& errors) {
  auto texts = texts_at(rule, key);
  if (texts.empty()) errors.required(at, key);
  if (texts.size() > 1 && has_text(texts, "*")) {
    errors.invalid(at, key, *get_array(rule, key), "if '*' is present, must not specify other " + std::string(others));
  }
  return texts;
}

void check_subresource(std::string_view text, std::set<std::string_view>& all_below, std::set<std::string_view>& of_all,
                       const At& at, Errors& errors) {
  const size_t slash = text.find('/');
  const std::string_view resource = text.substr(0, slash), below = text.substr(slash + 1);
  const auto clashes = [&](const std::string& wild) {
    errors.invalid(at, "", Json(text), "if '" + wild + "' is present, must not specify " + std::string(text));
  };
  if (all_below.contains(resource)) clashes(std::string(resource) + "/*");
  if (of_all.contains(below)) clashes("*/" + std::string(below));
  if (below == "*") all_below.insert(resource);
  if (resource == "*") of_all.insert(below);
}

void check_rule_resources(const JsonObject& rule, const At& at, Errors& errors) {
  const auto texts = texts_at(rule, "resources");
  if (texts.empty()) return errors.required(at, "resources");
  std::set<std::string_view> all_below, of_all;
  bool plain = false;
  for (size_t i = 0; i < texts.size(); ++i) {
    At here = at.child("resources", i);
    if (texts[i].empty()) {
      errors.required(here, "");
    } else if (texts[i].find('/') == std::string_view::npos) {
      plain = texts[i] != "*";  // upstream asks the last one alone
    } else {
      check_subresource(texts[i], all_below, of_all, here, errors);
    }
  }
  const JsonArray& list = *get_array(rule, "resources");
  if (texts.size() > 1 && has_text(texts, "*/*")) {
    errors.invalid(at, "resources", list, "if '*/*' is present, must not specify other resources");
  }
  if (plain && has_text(texts, "*")) {
    errors.invalid(at, "resources", list, "if '*' is present, must not specify other resources without subresources");
  }
}

void check_named_rule(const JsonObject& rule, const At& at, Errors& errors) {
  std::set<std::string_view> seen;
  const auto names = texts_at(rule, "resourceNames");
  for (size_t i = 0; i < names.size(); ++i) {
    At here = at.child("resourceNames", i);
    errors.format(here, "", "path-segment", names[i]);
    if (!seen.insert(names[i]).second) errors.duplicate(here, "", Json(names[i]));
  }
  check_admission_rule(rule, at, errors);
}

void check_param_kind(const JsonObject& kind, const At& at, Errors& errors) {
  const std::string_view text = get_text(kind, "apiVersion"), name = get_text(kind, "kind");
  const auto joined = [](const std::vector<std::string>& problems) {
    std::string all;
    for (const std::string& problem : problems) (all += all.empty() ? "" : ",") += problem;
    return all;
  };
  const size_t slashes = static_cast<size_t>(std::count(text.begin(), text.end(), '/'));
  const size_t slash = text.find('/');
  const std::string_view group = slashes == 1 ? text.substr(0, slash) : std::string_view();
  const std::string_view version = slashes == 1 ? text.substr(slash + 1) : text;
  if (slashes > 1) {
    errors.invalid(at, "apiVersion", Json(text), "unexpected GroupVersion string: " + std::string(text));
  } else if (!text.empty()) {
    const auto in_group = group.empty() ? std::string() : joined(format_problems("dns1123-subdomain", group));
    if (!in_group.empty()) errors.invalid(at, "apiVersion", Json(group), in_group);
    const auto in_version = joined(format_problems("dns1035-label", version));
    if (version.empty()) {
      errors.invalid(at, "apiVersion", Json(text), "version must be specified");
    } else if (!in_version.empty()) {
      errors.invalid(at, "apiVersion", Json(version), in_version);
    }
  }
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  const auto in_kind = name.empty() ? std::string() : joined(format_problems("dns1035-label", lower));
  if (!in_kind.empty()) {
    errors.invalid(at, "kind", Json(name), "may have mixed case, but should otherwise match: " + in_kind);
  }
}

bool is_cel_name(std::string_view name) {
  static const std::set<std::string_view> kReserved = {
      "true", "false",  "null", "in",   "as",      "break",     "const",  "continue", "else", "for",  "function",
      "if",   "import", "let",  "loop", "package", "namespace", "return", "var",      "void", "while"};
  const auto letter = [](char c) { return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto inner = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return letter(name.front()) && std::all_of(name.begin(), name.end(), inner) && !kReserved.contains(name);
}

void check_variable(const JsonObject& variable, PolicyExpressions& expressions, const At& at, Errors& errors) {
  const std::string_view name = get_text(variable, "name");
  if (trimmed(name).empty()) {
    errors.required(at, "name", "name is not specified");
  } else if (!is_cel_name(name)) {
    errors.invalid(at, "name", Json(name), "name is not a valid CEL identifier");
  }
  if (trimmed(get_text(variable, "expression")).empty()) {
    errors.required(at, "expression", "expression is not specified");
  } else {
    expressions.add_variable(variable, at, errors);
  }
}

// Conditions that were taken stay as they are, while what they may ask for does.
bool has_new_conditions(const JsonObject& spec, const JsonObject* old) {
  if (old == nullptr) return true;
  const JsonObject& before = object_at(*old, "spec");
  const auto same = [&](std::string_view key) {
    const Json *a = get(spec, key), *b = get(before, key);
    return a == nullptr || b == nullptr ? a == b : same_json(*a, *b);
  };
  return !same("paramKind") || !same("matchConditions");
}

void check_param_ref(const JsonObject& ref, const At& at, Errors& errors) {
  constexpr std::string_view kOne = "name and selector are mutually exclusive";
  const std::string_view name = get_text(ref, "name"), action = get_text(ref, "parameterNotFoundAction");
  const JsonObject* selector = get_object(ref, "selector");
  const bool both = !name.empty() && selector != nullptr;
  if (!name.empty()) errors.format(at, "name", "path-segment", name);
  if (both) errors.forbidden(at, "name", kOne);
  if (selector != nullptr) check_label_selector(*selector, at.child("selector"), errors);
  if (both) errors.forbidden(at, "selector", kOne);
  if (name.empty() && selector == nullptr) errors.required(at, "", "one of name or selector must be specified");
  if (action.empty()) {
    errors.required(at, "parameterNotFoundAction");
  } else if (action != "Deny" && action != "Allow") {
    errors.not_supported(at, "parameterNotFoundAction", action, {"Deny", "Allow"});
  }
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

void check_admission_rule(const JsonObject& rule, const At& at, Errors& errors) {
  const auto operations = check_wild(rule, "operations", "operations", at, errors);
  for (size_t i = 0; i < operations.size(); ++i) {
    const std::string_view one = operations[i];
    if (one == "*" || one == "CREATE" || one == "UPDATE" || one == "DELETE" || one == "CONNECT") continue;
    errors.not_supported(at.child("operations", i), "", one, {"*", "CONNECT", "CREATE", "DELETE", "UPDATE"});
  }
  check_wild(rule, "apiGroups", "API groups", at, errors);
  const auto versions = check_wild(rule, "apiVersions", "API versions", at, errors);
  for (size_t i = 0; i < versions.size(); ++i) {
    if (versions[i].empty()) errors.required(at.child("apiVersions", i), "");
  }
  check_rule_resources(rule, at, errors);
}

void check_match_conditions(const JsonObject& object, bool params, const At& at, Errors& errors) {
  const JsonArray* conditions = get_array(object, "matchConditions");
  const size_t count = conditions != nullptr ? conditions->size() : 0;
  if (count > kMostConditions) errors.too_many(at, "matchConditions", count, kMostConditions);
  size_t i = 0;
  each(object, "matchConditions", [&](const JsonObject& condition) {
    At here = at.child("matchConditions", i++);
    const std::string_view text = trimmed(get_text(condition, "expression"));
    if (text.empty()) return errors.required(here, "expression");
    check_match_expression(text, params, here, errors);
  });
}

void check_match_resources(const JsonObject& spec, std::string_view key, PolicyUse use, const At& at, Errors& errors) {
  const JsonObject* match = get_object(spec, key);
  if (match == nullptr) return;
  At here = at.child(key);
  for (std::string_view selector : {"namespaceSelector", "objectSelector"}) {
    check_label_selector(object_at(*match, selector), here.child(selector), errors);
  }
  for (std::string_view rules : {"resourceRules", "excludeResourceRules"}) {
    size_t i = 0;
    each(*match, rules, [&](const JsonObject& rule) { check_named_rule(rule, here.child(rules, i++), errors); });
  }
  if (use == PolicyUse::kValidating) return;
  At rules = here.child("resourceRules");
  each(*match, "resourceRules", [&](const JsonObject& rule) {
    for (std::string_view one : texts_at(rule, "operations")) {
      if (one == "*" || one == "CONNECT" || one == "CREATE" || one == "UPDATE") continue;
      errors.not_supported(rules, "operations", one, {"*", "CONNECT", "CREATE", "UPDATE"});
    }
  });
}

PolicyExpressions check_policy(const JsonObject& spec, const JsonObject* old, PolicyUse use, const At& at,
                               Errors& errors) {
  const JsonObject* kind = get_object(spec, "paramKind");
  if (kind != nullptr) check_param_kind(*kind, at.child("paramKind"), errors);
  check_match_resources(spec, "matchConstraints", use, at, errors);
  const JsonObject* match = get_object(spec, "matchConstraints");
  if (match != nullptr && !has_items(*match, "resourceRules")) {
    errors.required(at.child("matchConstraints"), "resourceRules");
  }
  if (has_new_conditions(spec, old)) check_match_conditions(spec, kind != nullptr, at, errors);
  PolicyExpressions expressions(kind != nullptr, use == PolicyUse::kMutating);
  size_t i = 0;
  each(spec, "variables",
       [&](const JsonObject& variable) { check_variable(variable, expressions, at.child("variables", i++), errors); });
  return expressions;
}

void check_policy_binding(const JsonObject& spec, PolicyUse use, const At& at, Errors& errors) {
  if (const JsonObject* ref = get_object(spec, "paramRef")) check_param_ref(*ref, at.child("paramRef"), errors);
  check_match_resources(spec, "matchResources", use, at, errors);
}

void webhook_count(Row& row, std::string& out) { out += std::to_string(members_at(row, "webhooks")); }

void policy_params(Row& row, std::string& out) {
  const Json* kind = at(row.document, "spec.paramKind");
  if (kind == nullptr || !kind->is_object()) return put(out, "<unset>");
  put(out, std::string(text_at(*kind, "apiVersion")) + "/" + std::string(text_at(*kind, "kind")));
}

void binding_params(Row& row, std::string& out) {
  const std::string_view name = text_at(row.document, "spec.paramRef.name");
  const std::string_view space = text_at(row.document, "spec.paramRef.namespace");
  // One that has no namespace may be of the cluster, or of whatever namespace is judged.
  if (!name.empty()) return put(out, std::string(space.empty() ? "*" : space) + "/" + std::string(name));
  const Json* selector = at(row.document, "spec.paramRef.selector");
  if (selector == nullptr || selector->is_null()) return put(out, "<unset>");
  put_selector(selector, out);
}

}  // namespace gantry::kinds
