// VolumeAttributesClasses, which never change. Pure functions, any thread.
#include "core/kinds/parts/storage_class_rules.hpp"

namespace gantry::kinds::storage_volume_attributes_class {
namespace {

void validate(const JsonObject& attributes, const JsonObject* old, Errors& errors) {
  At root;
  check_no_updates(attributes, old, {"driverName", "parameters"}, root, errors);
  check_provisioner(attributes, "driverName", root, errors);
  check_parameters(attributes, Parameters::kNeeded, root, errors);
}

}  // namespace

constinit const Behavior behavior{
    .group = "storage.k8s.io", .kind = "VolumeAttributesClass", .validate = validate, .read_at_once = false};

}  // namespace gantry::kinds::storage_volume_attributes_class
