// NamespaceLifecycle: nothing is created in a namespace that is not there or goes away, and some namespaces stay.
#include "core/admission/chain.hpp"

namespace gantry::admission {
namespace {

class NamespaceLifecycle final : public Step {
 public:
  std::string_view name() const override { return "NamespaceLifecycle"; }
  bool handles(const WriteRequest& request) const override {
    const bool creates = request.operation == Operation::kCreate && request.subresource.empty();
    return (creates && request.kind->namespaced) ||
           (request.operation == Operation::kDelete && request.is_about("", "namespaces"));
  }
  Answer mutate(WriteRequest& request, Pause&) const override {
    return request.operation == Operation::kDelete ? may_go(request) : may_come(request);
  }

 private:
  static Status may_go(const WriteRequest& request) {
    for (const std::string_view immortal : {"default", "kube-system", "kube-public"}) {
      if (request.name == immortal) return refused(request, "this namespace may not be deleted");
    }
    return {};
  }
  static Status may_come(const WriteRequest& request) {
    const auto* namespaces = request.schema->find_resource("", "v1", "namespaces");
    if (namespaces == nullptr) return {};
    const auto entry = request.objects->get(*namespaces, {}, request.ns);
    if (!entry) return schema::not_found(*namespaces, request.ns);
    if (request.objects->field(*namespaces, *entry, "status.phase") != "Terminating") return {};
    return refused(
        request, "unable to create new content in namespace " + request.ns + " because it is being terminated",
        {{"NamespaceTerminating", "namespace " + request.ns + " is being terminated", "metadata.namespace"}});
  }
};

}  // namespace

StepPtr namespace_lifecycle() { return std::make_shared<NamespaceLifecycle>(); }

}  // namespace gantry::admission
