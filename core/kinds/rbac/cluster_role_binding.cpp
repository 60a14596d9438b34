// ClusterRoleBindings: who is given a role everywhere. Pure functions, any thread.
#include "core/kinds/parts/rbac.hpp"

namespace gantry::kinds::rbac_cluster_role_binding {
namespace {

void validate(const JsonObject& binding, const JsonObject* old, Errors& errors) {
  check_binding(binding, old, false, errors);
}

}  // namespace

constinit const Behavior behavior{.group = kRbacGroup,
                                  .kind = "ClusterRoleBinding",
                                  .default_after = default_subjects,
                                  .validate = validate,
                                  .cells = kBindingCells,
                                  .create_on_update = true,
                                  .read_at_once = false};

}  // namespace gantry::kinds::rbac_cluster_role_binding
