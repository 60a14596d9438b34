// Owns the rules of limits and requests: whole numbers where things are whole, requests within limits.
// Pure functions, any thread.
#include <set>

#include "core/kinds/parts/pod_container_rules.hpp"
#include "core/kinds/parts/resource_names.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds {
namespace {

void check_amount(std::string_view name, const Json& value, const At& at, Errors& errors) {
  const auto* text = value.if_string();
  if (text == nullptr || is_native_resource(name)) return;
  auto amount = schema::Quantity::parse(*text);
  if (amount && amount->milli_value() % 1000 != 0) errors.invalid(at, "", value, "must be an integer");
}

void check_against_limit(std::string_view name, std::string_view request, const JsonObject* limits, const At& at,
                         Errors& errors) {
  bool overcommit = may_overcommit(name);
  std::string_view text = limits != nullptr ? get_text(*limits, name) : std::string_view();
  if (text.empty()) {
    if (!overcommit) errors.required(at, "limits", "Limit must be set for non overcommitable resources");
    return;
  }
  auto amount = schema::Quantity::parse(request), limit = schema::Quantity::parse(text);
  if (!amount || !limit) return;
  int order = amount->compare(*limit);
  std::string of = std::string(name) + " limit of " + limit->to_string();
  if (!overcommit && order != 0) {
    errors.invalid(at, "requests", Json(request), "must be equal to " + of);
  } else if (order > 0) {
    errors.invalid(at, "requests", Json(request), "must be less than or equal to " + of);
  }
}

}  // namespace

void check_resources(const JsonObject& resources, const At& at, Errors& errors) {
  bool huge = false, small = false;
  for (std::string_view list : {"limits", "requests"}) {
    const JsonObject* amounts = get_object(resources, list);
    if (amounts == nullptr) continue;
    for (const auto& entry : *amounts) {
      At here = at.key(list, entry.key());
      check_resource_name(entry.key(), here, errors);
      check_amount(entry.key(), entry.value(), here, errors);
      huge = huge || is_huge_page(entry.key());
      small = small || entry.key() == "cpu" || entry.key() == "memory";
    }
  }
  if (const JsonObject* requests = get_object(resources, "requests")) {
    for (const auto& entry : *requests) {
      const auto* text = entry.value().if_string();
      if (text != nullptr) check_against_limit(entry.key(), *text, get_object(resources, "limits"), at, errors);
    }
  }
  if (huge && !small) errors.forbidden(at, "", "HugePages require cpu or memory");
}

void check_claims(const std::set<std::string_view>& known, const JsonObject& resources, const At& at, Errors& errors) {
  size_t i = 0;
  each(resources, "claims", [&](const JsonObject& claim) {
    std::string_view name = get_text(claim, "name");
    At here = at.child("claims", i++);
    if (!name.empty() && !known.contains(name)) errors.not_found(here, "name", name);
  });
}

}  // namespace gantry::kinds
