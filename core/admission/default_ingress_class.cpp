// DefaultIngressClass: an Ingress that names no class gets the default one.
#include "core/admission/chain.hpp"
#include "core/admission/classes.hpp"
#include "core/admission/step.hpp"
#include "core/schema/values/json_access.hpp"

namespace gantry::admission {
namespace {

class DefaultIngressClass final : public Step {
 public:
  std::string_view name() const override { return "DefaultIngressClass"; }
  bool handles(const WriteRequest& request) const override { return request.creates("networking.k8s.io", "ingresses"); }
  Answer mutate(WriteRequest& request, Pause&) const override {
    auto* ingress = request.object->if_object();
    if (ingress == nullptr) return kPass;
    const auto& notes = schema::object_at(schema::object_at(*ingress, "metadata"), "annotations");
    const bool named = schema::get(schema::object_at(*ingress, "spec"), "ingressClassName") != nullptr;
    if (named || schema::get(notes, "kubernetes.io/ingress.class") != nullptr) return kPass;
    const auto found = newest_default_class(request, "networking.k8s.io", "ingressclasses");
    if (found) schema::ensure_object(*ingress, "spec")["ingressClassName"] = name_of(*found);
    return kPass;
  }
};

}  // namespace

StepPtr default_ingress_class() { return std::make_shared<DefaultIngressClass>(); }

}  // namespace gantry::admission
