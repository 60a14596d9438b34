// Roles: rules about a namespace. Pure functions, any thread.
#include "core/kinds/parts/rbac.hpp"

namespace gantry::kinds::rbac_role {
namespace {

void validate(const JsonObject& role, const JsonObject*, Errors& errors) { check_policy_rules(role, true, errors); }

}  // namespace

constinit const Behavior behavior{.group = kRbacGroup,
                                  .kind = "Role",
                                  .validate = validate,
                                  .cells = kRoleCells,
                                  .create_on_update = true,
                                  .read_at_once = false};

}  // namespace gantry::kinds::rbac_role
