// ServiceAccounts. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"

namespace gantry::kinds::core_service_account {
namespace {

void secret_count(Row& row, std::string& out) { out += std::to_string(members_at(row, "secrets")); }

constexpr NamedCell kCells[] = {{"secret-count", secret_count}};

}  // namespace

constinit const Behavior behavior{.group = "", .kind = "ServiceAccount", .cells = kCells, .returns_deleted = true};

}  // namespace gantry::kinds::core_service_account
