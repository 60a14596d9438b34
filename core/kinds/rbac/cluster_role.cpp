// ClusterRoles: rules about everything, and those that are put together from others. Pure functions, any thread.
#include "core/kinds/parts/pod_rules.hpp"
#include "core/kinds/parts/rbac.hpp"

namespace gantry::kinds::rbac_cluster_role {
namespace {

void validate(const JsonObject& role, const JsonObject*, Errors& errors) {
  check_policy_rules(role, false, errors);
  const JsonObject* aggregation = get_object(role, "aggregationRule");
  if (aggregation == nullptr) return;
  At root;
  At at = root.child("aggregationRule");
  if (!has_items(*aggregation, "clusterRoleSelectors")) {
    errors.required(at, "clusterRoleSelectors",
                    "at least one clusterRoleSelector required if aggregationRule is non-nil");
  }
  size_t i = 0;
  each(*aggregation, "clusterRoleSelectors", [&](const JsonObject& selector) {
    check_label_selector(selector, at.child("clusterRoleSelectors", i++), errors);
  });
}

}  // namespace

constinit const Behavior behavior{.group = kRbacGroup,
                                  .kind = "ClusterRole",
                                  .validate = validate,
                                  .cells = kRoleCells,
                                  .create_on_update = true,
                                  .read_at_once = false};

}  // namespace gantry::kinds::rbac_cluster_role
