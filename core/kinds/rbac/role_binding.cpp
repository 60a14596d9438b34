// RoleBindings: who is given a role within a namespace. Pure functions, any thread.
#include "core/kinds/parts/rbac.hpp"

namespace gantry::kinds::rbac_role_binding {
namespace {

void validate(const JsonObject& binding, const JsonObject* old, Errors& errors) {
  check_binding(binding, old, true, errors);
}

}  // namespace

constinit const Behavior behavior{.group = kRbacGroup,
                                  .kind = "RoleBinding",
                                  .default_after = default_subjects,
                                  .validate = validate,
                                  .cells = kBindingCells,
                                  .create_on_update = true,
                                  .read_at_once = false};

}  // namespace gantry::kinds::rbac_role_binding
