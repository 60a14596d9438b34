// Owns which names of resources there are, and what each may be used for. Pure functions, any thread.
#include "core/kinds/parts/resource_names.hpp"

#include <algorithm>
#include <array>

#include "core/schema/values/values.hpp"

namespace gantry::kinds {
namespace {

constexpr std::array<std::string_view, 9> kCounted = {
    "pods",       "resourcequotas",         "services",           "replicationcontrollers", "secrets",
    "configmaps", "persistentvolumeclaims", "services.nodeports", "services.loadbalancers"};
constexpr std::array<std::string_view, 7> kSums = {
    "requests.cpu", "requests.memory", "requests.ephemeral-storage", "requests.storage",
    "limits.cpu",   "limits.memory",   "limits.ephemeral-storage"};

template <typename List>
bool is_one_of(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_for_containers(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" || is_huge_page(name);
}

bool has_domain(std::string_view name) { return name.find('/') != std::string_view::npos; }

// One that a domain has defined, and that a quota can name by "requests." before it.
bool is_extended(std::string_view name) {
  return !is_native_resource(name) && !name.starts_with("requests.") &&
         format_problems("qualified-name", "requests." + std::string(name)).empty();
}

}  // namespace

bool is_huge_page(std::string_view name) { return name.starts_with("hugepages-"); }

bool is_native_resource(std::string_view name) {
  return !has_domain(name) || name.find("kubernetes.io/") != std::string_view::npos;
}

bool may_overcommit(std::string_view name) { return is_native_resource(name) && !is_huge_page(name); }

bool is_counted(std::string_view name) { return is_one_of(kCounted, name) || is_extended(name); }

bool is_quota_resource(std::string_view name) {
  return is_for_containers(name) || name.starts_with("requests.hugepages-") || is_one_of(kCounted, name) ||
         is_one_of(kSums, name);
}

void check_any_resource_name(std::string_view name, const At& at, Errors& errors) {
  const size_t before = errors.size();
  errors.format(at, "", "qualified-name", name);
  if (errors.size() > before || has_domain(name) || is_quota_resource(name) || name == "storage") return;
  errors.invalid(at, "", Json(name), "must be a standard resource type or fully qualified");
}

void check_resource_name(std::string_view name, const At& at, Errors& errors) {
  check_any_resource_name(name, at, errors);
  if (!has_domain(name)) {
    if (!is_for_containers(name)) errors.invalid(at, "", Json(name), "must be a standard resource for containers");
  } else if (!is_native_resource(name) && !is_extended(name)) {
    errors.invalid(at, "", Json(name), "doesn't follow extended resource name standard");
  }
}

void check_quota_resource_name(std::string_view name, const At& at, Errors& errors) {
  check_any_resource_name(name, at, errors);
  if (!has_domain(name) && !is_quota_resource(name)) {
    errors.invalid(at, "", Json(name), "must be a standard resource for quota");
  }
}

void check_resource_amount(std::string_view name, const Json& value, const At& at, Errors& errors) {
  const auto* text = value.if_string();
  if (text == nullptr) return;
  for (const std::string& problem : format_problems("quantity-nonnegative", *text)) {
    errors.invalid(at, "", value, problem);
  }
  const auto amount = schema::Quantity::parse(*text);
  if (amount && is_counted(name) && amount->milli_value() % 1000 != 0) {
    errors.invalid(at, "", value, "must be an integer");
  }
}

}  // namespace gantry::kinds
