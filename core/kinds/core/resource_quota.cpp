// ResourceQuotas: which resources they are for, which scopes go with which, and their table. Pure functions, any
// thread.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/entries.hpp"
#include "core/kinds/parts/resource_names.hpp"

namespace gantry::kinds::core_resource_quota {
namespace {

enum class Takes : uint8_t { kPods, kPodsAndTheirs, kClaims };
struct Scope {
  std::string_view name;
  Takes takes;
  bool exists_only;  // it has no values
};
constexpr std::array<Scope, 7> kScopes = {{{"Terminating", Takes::kPodsAndTheirs, true},
                                           {"NotTerminating", Takes::kPodsAndTheirs, true},
                                           {"BestEffort", Takes::kPods, true},
                                           {"NotBestEffort", Takes::kPodsAndTheirs, true},
                                           {"PriorityClass", Takes::kPodsAndTheirs, false},
                                           {"CrossNamespacePodAffinity", Takes::kPodsAndTheirs, true},
                                           {"VolumeAttributesClass", Takes::kClaims, false}}};

const Scope* find_scope(std::string_view name) {
  for (const Scope& scope : kScopes) {
    if (scope.name == name) return &scope;
  }
  return nullptr;
}

bool fits(const Scope& scope, std::string_view resource) {
  constexpr std::array<std::string_view, 6> kOfPods = {"cpu",           "memory",       "limits.cpu",
                                                       "limits.memory", "requests.cpu", "requests.memory"};
  switch (scope.takes) {
    case Takes::kClaims:
      return resource == "persistentvolumeclaims" || resource == "requests.storage";
    case Takes::kPods:
      return resource == "pods";
    case Takes::kPodsAndTheirs:
      return resource == "pods" || std::find(kOfPods.begin(), kOfPods.end(), resource) != kOfPods.end();
  }
  return true;
}

// Whether some of the limits are none for the scope.
bool is_misfit(std::string_view name, const JsonObject& hard) {
  const Scope* scope = find_scope(name);
  return scope != nullptr && std::any_of(hard.begin(), hard.end(), [&](const auto& entry) {
           return is_quota_resource(entry.key()) && !fits(*scope, entry.key());
         });
}

bool are_at_odds(const std::set<std::string_view>& scopes) {
  return (scopes.contains("BestEffort") && scopes.contains("NotBestEffort")) ||
         (scopes.contains("Terminating") && scopes.contains("NotTerminating"));
}

void check_scopes(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonArray* scopes = get_array(spec, "scopes");
  if (scopes == nullptr || scopes->empty()) return;
  const JsonObject& hard = object_at(spec, "hard");
  std::set<std::string_view> seen;
  for (const Json& scope : *scopes) {
    const auto* text = scope.if_string();
    const std::string_view name = text != nullptr ? std::string_view(*text) : std::string_view();
    // Once is enough, however long the list is.
    if (!seen.insert(name).second) continue;
    if (find_scope(name) == nullptr) errors.invalid(at, "scopes", *scopes, "unsupported scope");
    if (is_misfit(name, hard)) errors.invalid(at, "scopes", *scopes, "unsupported scope applied to resource");
  }
  if (are_at_odds(seen)) errors.invalid(at, "scopes", *scopes, "conflicting scopes");
}

void check_operator(const JsonObject& requirement, const Scope* scope, const At& at, Errors& errors) {
  const std::string_view op = get_text(requirement, "operator");
  const bool values = has_items(requirement, "values");
  if (scope != nullptr && scope->exists_only && op != "Exists") {
    errors.invalid(at, "operator", Json(op),
                   "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                   "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
                   "ResourceQuotaScopeCrossNamespacePodAffinity");
  }
  if (op == "In" || op == "NotIn") {
    if (!values) {
      errors.required(at, "values", "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector");
    }
  } else if (op == "Exists" || op == "DoesNotExist") {
    if (values) {
      errors.invalid(at, "values", *get_array(requirement, "values"),
                     "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector");
    }
  } else {
    errors.invalid(at, "operator", Json(op), "not a valid selector operator");
  }
}

// Upstream's paths say nothing of which of the expressions it is.
void check_selector(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonObject* selector = get_object(spec, "scopeSelector");
  if (selector == nullptr) return;
  At scope_selector = at.child("scopeSelector");
  At here = scope_selector.child("matchExpressions");
  const JsonObject& hard = object_at(spec, "hard");
  std::set<std::string_view> seen;
  each(*selector, "matchExpressions", [&](const JsonObject& requirement) {
    const std::string_view name = get_text(requirement, "scopeName");
    const Scope* scope = find_scope(name);
    if (scope == nullptr) errors.invalid(here, "scopeName", Json(name), "unsupported scope");
    if (seen.insert(name).second && is_misfit(name, hard)) {
      errors.invalid(here, "", *selector, "unsupported scope applied to resource");
    }
    check_operator(requirement, scope, here, errors);
  });
  const Json* scopes = get(spec, "scopes");
  if (are_at_odds(seen)) errors.invalid(here, "", scopes != nullptr ? *scopes : Json(), "conflicting scopes");
}

void check_amounts(const JsonObject& object, std::string_view list, const At& at, Errors& errors) {
  for (const auto& entry : object_at(object, list)) {
    At here = at.key(list, entry.key());
    check_quota_resource_name(entry.key(), here, errors);
    check_resource_amount(entry.key(), entry.value(), here, errors);
  }
}

std::set<std::string_view> scope_set(const JsonObject& spec) {
  std::set<std::string_view> out;
  const JsonArray* scopes = get_array(spec, "scopes");
  if (scopes == nullptr) return out;
  for (const Json& scope : *scopes) {
    if (const auto* text = scope.if_string()) out.insert(*text);
  }
  return out;
}

void validate(const JsonObject& quota, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec"), status = root.child("status");
  if (old != nullptr && !same_at(quota, *old, "status")) {
    for (std::string_view list : {"hard", "used"}) check_amounts(object_at(quota, "status"), list, status, errors);
  }
  if (old != nullptr && same_at(quota, *old, "spec")) return;
  const JsonObject& spec = object_at(quota, "spec");
  check_amounts(spec, "hard", at, errors);
  check_scopes(spec, at, errors);
  check_selector(spec, at, errors);
  if (old == nullptr || scope_set(spec) == scope_set(object_at(*old, "spec"))) return;
  const Json* scopes = get(spec, "scopes");
  errors.invalid(at, "scopes", scopes != nullptr ? *scopes : Json(), "field is immutable");
}

// "pods: 1/2, ", of limits or of the rest.
void amounts(Row& row, bool limits, std::string& out) {
  const Json* hard = at(row.document, "status.hard");
  const Json* used = at(row.document, "status.used");
  const JsonObject* most = hard != nullptr ? hard->if_object() : nullptr;
  std::map<std::string_view, std::string_view> sorted;
  if (most != nullptr) {
    for (const auto& entry : *most) {
      const std::string_view name = entry.key();
      if (name.starts_with("limits.") == limits) sorted.emplace(name, text_at(entry.value(), ""));
    }
  }
  std::string text;
  for (const auto& [name, amount] : sorted) {
    const JsonObject* object = used != nullptr ? used->if_object() : nullptr;
    const std::string_view now = object != nullptr ? get_text(*object, name) : std::string_view();
    if (!text.empty()) text += ", ";
    text.append(name).append(": ").append(now.empty() ? "0" : now).append("/").append(amount);
  }
  put(out, text);
}
void requests(Row& row, std::string& out) { amounts(row, false, out); }
void limits(Row& row, std::string& out) { amounts(row, true, out); }

constexpr NamedCell kCells[] = {{"quota-requests", requests}, {"quota-limits", limits}};

}  // namespace

constinit const Behavior behavior{
    .group = "", .kind = "ResourceQuota", .validate = validate, .cells = kCells, .returns_deleted = true};

}  // namespace gantry::kinds::core_resource_quota
