// PriorityClasses: the two that every cluster has, and what others may be. Pure functions, any thread.
#include <algorithm>

#include "core/kinds/kind.hpp"

namespace gantry::kinds::scheduling_priority_class {
namespace {

constexpr int64_t kHighestOfUsers = 1'000'000'000;
constexpr std::string_view kReserved = "system-";

struct SystemClass {
  std::string_view name;
  int64_t value;
  std::string_view description;
};
constexpr SystemClass kSystem[] = {
    {"system-node-critical", 2'000'001'000, "For pods without which their node does not work."},
    {"system-cluster-critical", 2'000'000'000, "For pods without which the cluster does not work, on whatever node."}};
constexpr std::string_view kInitial[] = {kSystem[0].name, kSystem[1].name};

const SystemClass* find_system(std::string_view name) {
  const auto* const found =
      std::find_if(std::begin(kSystem), std::end(kSystem), [&](const SystemClass& one) { return one.name == name; });
  return found != std::end(kSystem) ? found : nullptr;
}

// Those that the server makes itself are made by name.
void create(JsonObject& priority_class) {
  JsonObject& metadata = ensure_object(priority_class, "metadata");
  metadata["generation"] = 1;
  const SystemClass* const known = find_system(get_text(metadata, "name"));
  if (known == nullptr || get(priority_class, "value") != nullptr) return;
  priority_class["value"] = known->value;
  priority_class["description"] = known->description;
}

std::string reserved_problem(const JsonObject& priority_class, std::string_view name) {
  const SystemClass* const known = find_system(name);
  const std::string who(schema::cut(name, schema::kLongestName));
  if (known == nullptr) return who + " is not a known system priority class";
  if (get_number(priority_class, "value") != known->value) {
    return "value of " + who + " PriorityClass must be " + std::to_string(known->value);
  }
  return get_flag(priority_class, "globalDefault") ? "globalDefault of " + who + " PriorityClass must be false" : "";
}

void validate(const JsonObject& priority_class, const JsonObject* old, Errors& errors) {
  At root;
  const std::string_view name = get_text(object_at(priority_class, "metadata"), "name");
  if (name.starts_with(kReserved)) {
    const std::string problem = reserved_problem(priority_class, name);
    if (!problem.empty()) {
      errors.forbidden(
          root.child("metadata"), "name",
          "priority class names with 'system-' prefix are reserved for system use only. error: " + problem);
    }
  } else if (get_number(priority_class, "value") > kHighestOfUsers) {
    errors.forbidden(root, "value", "maximum allowed value of a user defined priority is 1000000000");
  }
  if (old != nullptr && get_number(priority_class, "value") != get_number(*old, "value")) {
    errors.forbidden(root, "value", "may not be changed in an update.");
  }
}

bool is_default(const JsonObject& priority_class) { return get_flag(priority_class, "globalDefault"); }

std::string_view kept(std::string_view name) {
  return find_system(name) != nullptr ? "this is a system priority class and cannot be deleted" : "";
}

}  // namespace

constinit const Behavior behavior{.group = "scheduling.k8s.io",
                                  .kind = "PriorityClass",
                                  .validate = validate,
                                  .create = create,
                                  .kept = kept,
                                  .is_default = is_default,
                                  .default_mark = R"("globalDefault":true)",
                                  .initial = kInitial,
                                  .read_at_once = false};

}  // namespace gantry::kinds::scheduling_priority_class
