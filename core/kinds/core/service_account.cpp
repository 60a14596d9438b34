// ServiceAccounts. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"

namespace gantry::kinds::core_service_account {
namespace {

void secret_count(Row& row, std::string& out) { out += std::to_string(members_at(row, "secrets")); }

constexpr NamedCell kCells[] = {{"secret-count", secret_count}};

void warn(const JsonObject& account, const JsonObject*, Warnings& warnings) {
  constexpr std::string_view kMountable = "kubernetes.io/enforce-mountable-secrets";
  if (!object_at(object_at(account, "metadata"), "annotations").contains(kMountable)) return;
  const At root, at = root.child("metadata");
  warnings.add(at.key("annotations", kMountable), "",
               "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets");
}

}  // namespace

constinit const Behavior behavior{
    .group = "", .kind = "ServiceAccount", .warn = warn, .cells = kCells, .returns_deleted = true};

}  // namespace gantry::kinds::core_service_account
