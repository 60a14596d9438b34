// Leases. Pure functions, any thread.
#include "core/kinds/kind.hpp"

namespace gantry::kinds::coordination_lease {
namespace {

void validate(const JsonObject& lease, const JsonObject*, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject* spec = get_object(lease, "spec");
  if (spec == nullptr) return;
  const Json* strategy = get(*spec, "strategy");
  if (strategy != nullptr && strategy->is_string()) {
    errors.format(at, "strategy", "qualified-name", strategy->get_string());
  }
  if (get(*spec, "preferredHolder") != nullptr && get_text(*spec, "strategy").empty()) {
    errors.forbidden(at, "preferredHolder", "may only be specified if `strategy` is defined");
  }
}

}  // namespace

constinit const Behavior behavior{.group = "coordination.k8s.io",
                                  .kind = "Lease",
                                  .validate = validate,
                                  .unconditional_update = false,
                                  .create_on_update = true};

}  // namespace gantry::kinds::coordination_lease
