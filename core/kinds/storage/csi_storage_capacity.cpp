// CSIStorageCapacities: the place and the class that they are about. Pure functions, any thread.
#include "core/kinds/parts/label_warnings.hpp"
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

void warn(const JsonObject& capacity, const JsonObject*, Warnings& warnings) {
  const At root, at = root.child("nodeTopology");
  const JsonObject& topology = object_at(capacity, "nodeTopology");
  warn_node_expressions(topology, at, warnings);
  const At labels = at.child("matchLabels");
  for (const auto& label : object_at(topology, "matchLabels")) {
    const std::string_view words = node_label_deprecation(label.key());
    if (!words.empty()) warnings.add(labels, label.key(), words);
  }
}

}  // namespace

constinit const Behavior behavior{.group = "storage.k8s.io",
                                  .kind = "CSIStorageCapacity",
                                  .validate = validate,
                                  .warn = warn,
                                  .unconditional_update = false,
                                  .read_at_once = false};

}  // namespace gantry::kinds::storage_csi_storage_capacity
