// Leases. Pure functions, any thread.
#include "core/kinds/kind.hpp"

namespace gantry::kinds::coordination_lease {
namespace {

// Upstream's own strategies have no domain. Its errors name the field twice.
void check_strategy_name(std::string_view strategy, const At& at, Errors& errors) {
  constexpr std::string_view kOldest = "OldestEmulationVersion";
  if (strategy.find('/') != std::string_view::npos) return errors.format(at, "strategy", "qualified-name", strategy);
  if (strategy != kOldest) errors.not_supported(at, "strategy", strategy, {kOldest});
}

void validate(const JsonObject& lease, const JsonObject*, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject* spec = get_object(lease, "spec");
  if (spec == nullptr) return;
  const std::string_view strategy = get_text(*spec, "strategy");
  if (get(*spec, "strategy") != nullptr) check_strategy_name(strategy, at.child("strategy"), errors);
  if (!get_text(*spec, "preferredHolder").empty() && strategy.empty()) {
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
