// PersistentVolumeClaimResize: a claim grows when it is bound, and its class says that its volumes can.
#include "core/admission/chain.hpp"
#include "core/admission/classes.hpp"
#include "core/admission/step.hpp"
#include "core/schema/values/json_access.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::admission {
namespace {

using boost::json::object;

schema::Quantity size_of_claim(const object& claim) {
  const auto& resources = schema::object_at(schema::object_at(claim, "spec"), "resources");
  const auto text = schema::get_text(schema::object_at(resources, "requests"), "storage");
  auto size = schema::Quantity::parse(text);
  return size ? *size : *schema::Quantity::parse("0");
}

std::string_view class_of_claim(const object& claim) {
  const auto& notes = schema::object_at(schema::object_at(claim, "metadata"), "annotations");
  const auto old_name = schema::get_text(notes, "volume.beta.kubernetes.io/storage-class");
  return old_name.empty() ? schema::get_text(schema::object_at(claim, "spec"), "storageClassName") : old_name;
}

class ClaimResize final : public Step {
 public:
  std::string_view name() const override { return "PersistentVolumeClaimResize"; }
  bool handles(const WriteRequest& request) const override {
    return request.operation == Operation::kUpdate && request.is_about("", "persistentvolumeclaims") &&
           request.object != nullptr && request.old != nullptr;
  }
  Answer validate(const WriteRequest& request, Pause&) const override {
    const auto* claim = request.object->if_object();
    const auto* old = request.old->if_object();
    if (claim == nullptr || old == nullptr) return kPass;
    if (size_of_claim(*claim).compare(size_of_claim(*old)) <= 0) return kPass;
    if (schema::get_text(schema::object_at(*old, "status"), "phase") != "Bound") {
      return refused(request, "Only bound persistent volume claims can be expanded");
    }
    const auto name = class_of_claim(*claim);
    if (!name.empty() && name == class_of_claim(*old)) {
      const auto found = find_class(request, "storage.k8s.io", "storageclasses", name);
      if (found && schema::get_flag(*found, "allowVolumeExpansion")) return kPass;
    }
    return refused(request,
                   "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
                   "support resize");
  }
};

}  // namespace

StepPtr claim_resize() { return std::make_shared<ClaimResize>(); }

}  // namespace gantry::admission
