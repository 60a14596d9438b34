// DefaultStorageClass: a claim that names no class gets the default one.
#include "core/admission/chain.hpp"
#include "core/admission/classes.hpp"
#include "core/admission/step.hpp"
#include "core/schema/values/json_access.hpp"

namespace gantry::admission {
namespace {

class DefaultStorageClass final : public Step {
 public:
  std::string_view name() const override { return "DefaultStorageClass"; }
  bool handles(const WriteRequest& request) const override { return request.creates("", "persistentvolumeclaims"); }
  Answer mutate(WriteRequest& request, Pause&) const override {
    auto* claim = request.object->if_object();
    if (claim == nullptr || names_class(*claim)) return kPass;
    const auto found = newest_default_class(request, "storage.k8s.io", "storageclasses");
    if (found) schema::ensure_object(*claim, "spec")["storageClassName"] = name_of(*found);
    return kPass;
  }

 private:
  // "" is a class, too: that of volumes without one.
  static bool names_class(const boost::json::object& claim) {
    const auto& notes = schema::object_at(schema::object_at(claim, "metadata"), "annotations");
    return schema::get(notes, "volume.beta.kubernetes.io/storage-class") != nullptr ||
           schema::get(schema::object_at(claim, "spec"), "storageClassName") != nullptr;
  }
};

}  // namespace

StepPtr default_storage_class() { return std::make_shared<DefaultStorageClass>(); }

}  // namespace gantry::admission
