// The admission chain's order. Pure functions, any thread.
#include "core/admission/admission.hpp"

namespace gantry::admission {

Status admit_create(const schema::Kind& kind, schema::Json& document) {
  if (!kind.group.empty() || kind.plural != "pods") return {};
  default_service_account(document);
  if (auto status = resolve_priority(document); !status.ok()) return status;
  default_tolerations(document);
  return {};
}

std::string_view refuse_delete(const schema::Kind& kind, std::string_view name) {
  const bool is_namespace = kind.group.empty() && kind.plural == "namespaces";
  if (is_namespace && (name == "default" || name == "kube-system" || name == "kube-public")) {
    return "this namespace may not be deleted";
  }
  return {};
}

}  // namespace gantry::admission
