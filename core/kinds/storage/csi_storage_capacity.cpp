// CSIStorageCapacities: the place and the class that they are about. Pure functions, any thread.
#include "core/kinds/parts/pod_rules.hpp"

namespace gantry::kinds::storage_csi_storage_capacity {
namespace {

void validate(const JsonObject& capacity, const JsonObject*, Errors& errors) {
  At root;
  if (const JsonObject* place = get_object(capacity, "nodeTopology")) {
    check_label_selector(*place, root.child("nodeTopology"), errors);
  }
  errors.format(root, "storageClassName", "dns1123-subdomain", get_text(capacity, "storageClassName"));
}

}  // namespace

constinit const Behavior behavior{.group = "storage.k8s.io",
                                  .kind = "CSIStorageCapacity",
                                  .validate = validate,
                                  .unconditional_update = false,
                                  .read_at_once = false};

}  // namespace gantry::kinds::storage_csi_storage_capacity
