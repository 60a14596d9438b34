// RuntimeClasses: a handler that stays, what a pod costs beyond its containers, and where it goes. Pure, any thread.
#include "core/kinds/parts/label_warnings.hpp"
#include "core/kinds/parts/pod_container_rules.hpp"

namespace gantry::kinds::node_runtime_class {
namespace {

void validate(const JsonObject& runtime_class, const JsonObject*, Errors& errors) {
  At root;
  errors.format(root, "handler", "dns1123-label", get_text(runtime_class, "handler"));
  if (const JsonObject* cost = get_object(object_at(runtime_class, "overhead"), "podFixed")) {
    check_resources(JsonObject{{"limits", *cost}}, root.child("overhead"), errors);
  }
  const JsonObject* scheduling = get_object(runtime_class, "scheduling");
  if (scheduling == nullptr) return;
  At here = root.child("scheduling");
  if (const JsonObject* labels = get_object(*scheduling, "nodeSelector")) {
    schema::check_labels(*labels, here.child("nodeSelector"), errors);
  }
  check_tolerations(*scheduling, here, errors);
}

void warn(const JsonObject& runtime_class, const JsonObject*, Warnings& warnings) {
  for (const auto& label : object_at(object_at(runtime_class, "scheduling"), "nodeSelector")) {
    const std::string_view words = node_label_deprecation(label.key());
    if (!words.empty()) warnings.add("scheduling.nodeSelector: " + std::string(words));
  }
}

}  // namespace

constinit const Behavior behavior{.group = "node.k8s.io",
                                  .kind = "RuntimeClass",
                                  .validate = validate,
                                  .warn = warn,
                                  .unconditional_update = false,
                                  .create_on_update = true,
                                  .read_at_once = false};

}  // namespace gantry::kinds::node_runtime_class
